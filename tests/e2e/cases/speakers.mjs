// Who speaks is known from the audio level extension, also while somebody else is silent.
import { check, until } from '../lib/expect.mjs';

export const about = 'active speakers: a tone is heard of, also late; silence, mute and unpublishing end it';
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

  await alice.call('microphone', { on: true });
  await becomes(bob, ['alice']);
  // Joined in the middle of her speech, which is steady: no change is to come.
  const carol = await t.joined(focus, 'carol');
  await becomes(carol, ['alice']);
  await carol.call('setSubscribed', { identity: 'alice', source: 'microphone', subscribed: false });
  await becomes(carol, []);
  await carol.call('setSubscribed', { identity: 'alice', source: 'microphone', subscribed: true });
  await becomes(carol, ['alice']);
  t.step('who subscribes late knows who speaks, and forgets on unsubscribing');

  await alice.call('unpublish', { source: 'microphone' });
  for (const peer of [bob, carol, alice]) await becomes(peer, []);
  t.step('unpublishing ends speaking');
}
