// Who speaks is known from the audio level extension, also while somebody else is silent.
import { check, until } from '../lib/expect.mjs';

export const about = 'active speakers: a tone is heard of, silence and mute end it';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice');
  const bob = await t.joined(focus, 'bob');
  await alice.call('tone', { gain: 0 });
  await bob.call('tone', { gain: 0 });
  await bob.seesMedia('alice', 'microphone', { energy: false });

  const speakers = async (peer) => (await peer.state()).speakers;
  const becomes = (who, names) => until(`${who.name} names [${names}] as speaking`, async () => (
    String(await speakers(who)) === String(names)), { timeoutMs: 3000, describe: () => speakers(who) });

  for (const [loud, gain] of [[alice, 0.5], [bob, 0.2]]) {
    const listener = loud === alice ? bob : alice;
    await loud.call('tone', { gain });
    const started = Date.now();
    await becomes(listener, [loud.name]);
    t.figure(`${loud.name} noticed after, ms`, Date.now() - started);
    await becomes(loud, [loud.name]);
    await loud.call('tone', { gain: 0 });
    await becomes(listener, []);
  }
  t.step('tone and silence are told apart, for oneself too');

  await alice.call('tone', { gain: 0.5 });
  await becomes(bob, ['alice']);
  await alice.call('microphone', { on: false });
  await becomes(bob, []);
  check((await bob.state()).others[0].speaking === false, 'a muted participant still counts as speaking');
  t.step('muting ends speaking');
}
