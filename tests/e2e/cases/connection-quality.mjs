// Real figures and never a false LOST, on which livekit-client would reconnect.
import { check, sleep, until } from '../lib/expect.mjs';

export const about = 'connection quality is excellent on loopback, also with a muted camera and for who joins late';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  const isExcellent = (identity) => (e) => e.args[0] === 'excellent' && e.args[1].identity === identity;
  await alice.event('connectionQualityChanged', isExcellent('alice'), { timeoutMs: 12000 });
  await bob.event('connectionQualityChanged', isExcellent('alice'), { timeoutMs: 12000 });
  t.step('excellent for oneself and for the other');

  // Longer than an interval: nobody's quality changes any more, so only she has to be told.
  await sleep(6000);
  const carol = await t.joined(focus, 'carol');
  // Not by the event: livekit-client swallows it while it is still connecting.
  const known = async () => (await carol.state()).others.map((p) => p.quality);
  await until('carol knows how good the links of both are', async () => (
    String(await known()) === 'excellent,excellent'), { timeoutMs: 3000, describe: known });
  t.step('who comes late knows at once');

  await alice.call('camera', { on: false });
  await alice.call('microphone', { on: false });
  await sleep(16000);
  for (const peer of [alice, bob]) {
    const bad = (await peer.events('connectionQualityChanged')).filter((e) => e.args[0] !== 'excellent');
    check(bad.length === 0, `${peer.name} saw a drop while everything was muted`, bad);
    check((await peer.events('reconnecting')).length === 0, `${peer.name} reconnected`);
  }
  t.step('muting everything for 16 s is no loss');
}
