// Data tracks: a stream of frames under a name, subscribed by reading it. Frames larger than a packet
// are cut and put together again by the clients.
import { atLeast, check, equal, rejects, until } from '../lib/expect.mjs';

export const about = 'Chromium: data tracks are published, announced, read, left and unpublished';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice');
  const bob = await t.joined(focus, 'bob');
  const carol = await t.joined(focus, 'carol', { roomOptions: { singlePeerConnection: false } });
  for (const peer of [alice, bob, carol]) await peer.call('watchDataTracks');

  const sid = await alice.call('publishDataTrack', { name: 'pose' });
  check(sid.startsWith('DTR_'), 'sid of a data track', sid);
  await rejects(alice.call('publishDataTrack', { name: 'pose' }), 'a second track of that name');
  for (const peer of [bob, carol]) {
    await peer.event('dataTrackPublished');
    await flows(alice, peer, 'pose', sid);
  }
  t.step('bob (one peer connection) and carol (two) read the frames');

  // 100 kB are dozens of packets; the channel is lossy, so one of a few frames must come whole.
  const large = 'x'.repeat(100_000);
  await until('a large frame arrives whole', async () => {
    await alice.call('pushFrames', { name: 'pose', texts: [large] });
    return (await bob.inbox()).some((m) => m.dataTrack === 'pose' && m.bytes === large.length);
  });
  t.step('a frame of 100 kB arrives whole');

  const second = await bob.call('publishDataTrack', { name: 'pose' });
  await alice.event('dataTrackPublished');
  await flows(bob, alice, 'pose', second);
  check(!(await alice.inbox()).some((m) => m.from === 'alice'), 'alice got her own frames');
  t.step('both ways, the same name at two publishers');

  await bob.call('stopReading', { name: 'pose' });
  await until('bob gets nothing more', async () => {
    const before = (await bob.inbox()).length;
    await alice.call('pushFrames', { name: 'pose', texts: Array(10).fill('unheard') });
    await carol.received('the frame', (m) => m.text === 'unheard');
    return (await bob.inbox()).length === before;
  });
  t.step('bob stopped reading, carol goes on');

  const late = await t.joined(focus, 'late');
  const known = await late.call('knownDataTracks');
  equal(known.map((x) => `${x.from}/${x.name}`).sort(), ['alice/pose', 'bob/pose'], 'tracks a late peer knows');
  t.step('somebody who comes later knows the tracks');

  await alice.call('unpublishDataTrack', { name: 'pose' });
  await carol.event('dataTrackUnpublished', (e) => e.args[0] === sid);
  t.step('unpublished');
}

// Frames may be lost before the subscription is through, not afterwards on a loopback.
async function flows(from, to, name, sid) {
  const mine = (m) => m.dataTrack === name && m.from === from.name;
  await until(`${to.name} reads ${from.name}'s ${name}`, async () => {
    await from.call('pushFrames', { name, texts: ['hello'] });
    return (await to.inbox()).some(mine);
  }, { describe: () => to.inbox() });
  const texts = Array.from({ length: 20 }, (_, i) => `${to.name} frame ${i}`);
  await from.call('pushFrames', { name, texts });
  await to.received('the last frame', (m) => mine(m) && m.text === texts.at(-1));
  const got = (await to.inbox()).filter((m) => mine(m) && texts.includes(m.text));
  atLeast(got.length, 18, `frames ${to.name} read`);
  equal([...new Set(got.map((m) => m.sid))], [sid], 'sid of the track');
}
