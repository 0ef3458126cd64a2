// A browser's resume: signalling goes and comes back, media and data never stop.
import { atMost, check, equal, sleep } from '../lib/expect.mjs';
import { CuttableSignal } from '../lib/cuttable.mjs';

export const about = 'Chromium: resumes after a reconnect, a lost resume, a cut socket; no data lost or doubled';
export const timeoutSeconds = 120;

export async function run(t) {
  const focus = await t.focus();
  const relay = await CuttableSignal.to(focus);
  const alice = await t.joined(focus, 'alice', { url: relay.wsUrl, publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  await alice.seesMedia('bob', 'camera');

  const simulate = (scenario) => () => alice.call('simulate', { scenario });
  await staysThrough(t, alice, bob, 'signal-reconnect', simulate('signal-reconnect'));
  // Two outages in a row make livekit-client itself forget packets, whatever the focus does.
  await staysThrough(t, alice, bob, 'disconnect-signal-on-resume',
    simulate('disconnect-signal-on-resume'), { mayLose: true });
  await staysThrough(t, alice, bob, 'cut socket', async () => {
    relay.refusing = true;
    relay.cut();
    await sleep(500);
    relay.refusing = false;
  });
}

async function staysThrough(t, alice, bob, what, disturb, { mayLose = false } = {}) {
  const { sid } = await alice.state();
  await alice.forgetEvents();
  await bob.forgetEvents();
  await bob.call('watchFrames', { identity: 'alice', source: 'camera' });
  await disturb();
  for (let i = 0; i < 30; i += 1) {
    await alice.call('send', { text: `${i}`, reliable: true, topic: what });
    await sleep(100);
  }
  await alice.event('reconnected', () => true, { timeoutMs: 15000 });
  await bob.received('the last packet', (m) => m.topic === what && m.text === '29');
  const order = (await bob.inbox()).filter((m) => m.topic === what).map((m) => Number(m.text));
  const expected = Array.from({ length: 30 }, (_, i) => i).filter((i) => !mayLose || order.includes(i));
  equal(order, expected, `reliable packets across ${what}`);

  const watched = await bob.call('stopWatching');
  atMost(watched.longestGapMs, 1500, `ms without a frame during ${what}`);
  equal((await alice.state()).sid, sid, `alice's sid after ${what}`);
  const events = (await bob.events()).map((e) => e.name);
  const forbidden = ['participantDisconnected', 'trackUnpublished', 'trackUnsubscribed'];
  check(!events.some((name) => forbidden.includes(name)), `bob noticed ${what}`, events);
  await bob.seesMedia('alice', 'camera');
  await alice.seesMedia('bob', 'camera');

  // The resumed session must still carry signalling in both directions.
  await alice.call('microphone', { on: false });
  await bob.event('trackMuted', (e) => e.args[0].source === 'microphone');
  await alice.call('microphone', { on: true });
  t.step(`${what}: healed, longest gap ${watched.longestGapMs} ms`);
}
