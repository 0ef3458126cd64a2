// A camera in VP9 with VP8 as its backup: the second encoder starts when somebody comes who cannot
// decode VP9. With policy "simulcast" each viewer keeps the codec it decodes; by default a small room
// goes over to the backup as a whole.
import { atMost, check, equal, until } from '../lib/expect.mjs';

export const about = 'Chromium: a viewer without VP9 gets the backup codec VP8, with and without regression';
export const timeoutSeconds = 150;

const SIMULCAST = 1;

export async function run(t) {
  const focus = await t.focus();
  await inRoom(t, focus, 'both', { backupCodecPolicy: SIMULCAST });
  await inRoom(t, focus, 'regressed', {});
}

async function inRoom(t, focus, room, policy) {
  const publish = { videoCodec: 'vp9', backupCodec: true, ...policy };
  const camera = { width: 640, height: 360, publish };
  const alice = await t.joined(focus, 'alice', { room, publish: { camera, microphone: false } });
  const bob = await t.joined(focus, 'bob', { room });
  await decodes(bob, 'vp9');
  equal(await codecsOf(alice), ['video/vp9'], 'codecs alice encodes while everybody decodes VP9');
  t.step(`${room}: bob decodes VP9, alice encodes nothing else`);

  await bob.forgetEvents();
  await bob.call('watchFrames', { identity: 'alice', source: 'camera' });
  const carol = await masked(t, focus, 'carol', room);
  await decodes(carol, 'vp8');
  t.step(`${room}: carol, who cannot decode VP9, sees alice in VP8`);
  const dave = await masked(t, focus, 'dave', room, { singlePeerConnection: false });
  await decodes(dave, 'vp8');
  t.step(`${room}: and so does dave with two peer connections`);

  const regressed = policy.backupCodecPolicy === undefined;
  await decodes(bob, regressed ? 'vp8' : 'vp9');
  const { longestGapMs } = await bob.call('stopWatching');
  atMost(longestGapMs, 1500, 'ms bob went without a frame');
  const lost = (await bob.events()).filter((e) => e.name === 'trackUnsubscribed');
  check(lost.length === 0, 'bob never lost the track', lost);
  for (const viewer of [bob, carol, dave]) await oneTrack(viewer);
  await until('alice encodes only what is watched', async () => (
    (await encoding(alice)) === (regressed ? 'video/vp8' : 'video/vp8 video/vp9')), {
    timeoutMs: 15000, describe: () => alice.call('encoders'),
  });
  t.step(`${room}: bob is on ${regressed ? 'VP8' : 'VP9'}, longest gap ${longestGapMs} ms`);

  await alice.call('camera', { on: false });
  await carol.event('trackMuted');
  await alice.call('camera', { on: true });
  await carol.seesMedia('alice', 'camera');
  await bob.seesMedia('alice', 'camera');
  await alice.call('unpublish', { source: 'camera' });
  for (const viewer of [bob, carol]) await viewer.event('trackUnpublished');
  t.step(`${room}: muting and unpublishing reach both codecs`);
  for (const peer of [alice, bob, carol, dave]) await peer.call('leave');
}

async function masked(t, focus, name, room, roomOptions = {}) {
  const peer = await t.page(name);
  await peer.call('cannotDecode', { codecs: ['video/vp9', 'video/av1'] });
  await peer.join(focus, { room, roomOptions });
  return peer;
}

async function decodes(peer, codec) {
  await peer.seesMedia('alice', 'camera', { timeoutMs: 20000 });
  await until(`${peer.name} decodes ${codec}`, async () => (
    (await peer.inboundOf('alice', 'camera')).codec?.toLowerCase() === `video/${codec}`), {
    timeoutMs: 15000, describe: () => peer.inbound(),
  });
  await peer.seesMedia('alice', 'camera');
}

async function codecsOf(peer) {
  const rows = await peer.call('encoders');
  return [...new Set(rows.map((r) => r.codec.toLowerCase()))].sort();
}

// What is really being encoded over a second.
async function encoding(peer) {
  const count = async () => {
    const frames = {};
    for (const row of await peer.call('encoders')) {
      const codec = row.codec.toLowerCase();
      frames[codec] = (frames[codec] ?? 0) + row.frames;
    }
    return frames;
  };
  const before = await count();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = await count();
  return Object.keys(after).filter((c) => after[c] > (before[c] ?? 0)).sort().join(' ');
}

async function oneTrack(viewer) {
  const { others } = await viewer.state();
  const tracks = others.find((p) => p.identity === 'alice').tracks.map((x) => x.sid);
  equal(tracks.length, 1, `tracks of alice that ${viewer.name} knows (${tracks})`);
}
