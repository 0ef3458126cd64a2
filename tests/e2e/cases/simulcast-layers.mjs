// Congestion feedback makes Chromium send all three layers; a viewer's requested size picks one,
// and changing it never freezes the picture.
import { atMost, equal, until } from '../lib/expect.mjs';

export const about = '720p in three layers: f within 10 s; requested sizes select q, h, f in turn';
export const timeoutSeconds = 120;

const camera = { width: 1280, height: 720, publish: { simulcast: true, videoCodec: 'vp8' } };
const who = { identity: 'alice', source: 'camera' };

export async function run(t) {
  const focus = await t.focus();
  const bob = await t.joined(focus, 'bob');
  const alice = await t.joined(focus, 'alice', { publish: { camera, microphone: false } });
  const published = Date.now();
  await until('layer f is encoded', async () => {
    const rows = await alice.outbound();
    return rows.find((r) => r.rid === 'f' && r.frames > 0);
  }, { timeoutMs: 10000, describe: () => alice.outbound() });
  t.figure('first frame of layer f after publishing, ms', Date.now() - published);

  const request = {
    q: () => bob.call('requestSize', { ...who, width: 320, height: 180 }),
    h: () => bob.call('requestSize', { ...who, width: 640, height: 360 }),
    f: () => bob.call('requestSize', { ...who, width: 1280, height: 720 }),
  };
  const byQuality = {
    q: () => bob.call('requestQuality', { ...who, quality: 'LOW' }),
    h: () => bob.call('requestQuality', { ...who, quality: 'MEDIUM' }),
    f: () => bob.call('requestQuality', { ...who, quality: 'HIGH' }),
  };
  const heights = { q: 180, h: 360, f: 720 };
  await shows(bob, 720);
  for (const [how, ask] of [['setVideoDimensions', request], ['setVideoQuality', byQuality]]) {
    for (const layer of ['q', 'h', 'f', 'q', 'f']) {
      await bob.call('watchFrames', who);
      const asked = Date.now();
      await ask[layer]();
      await shows(bob, heights[layer]);
      const took = Date.now() - asked;
      const seen = await bob.call('stopWatching');
      atMost(seen.longestGapMs, 1000, `ms without a new frame while switching to ${layer}`);
      t.step(`${how} → ${layer} in ${took} ms, longest gap ${seen.longestGapMs} ms`);
    }
  }
  const row = await bob.inboundOf('alice', 'camera');
  equal(row.lost, 0, 'packets bob counts as lost after all the switching');
}

function shows(peer, height) {
  return until(`${peer.name} decodes ${height} lines`, async () => {
    const row = await peer.inboundOf('alice', 'camera');
    return row?.height === height && row.fps > 0;
  }, { timeoutMs: 10000, describe: () => peer.inbound() });
}
