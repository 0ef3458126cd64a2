// Three spatial layers in one VP9 stream: a viewer's requested size says how many of them the focus
// leaves out, and what is left is a stream that a real decoder goes on decoding.
import { atMost, check, equal, until } from '../lib/expect.mjs';

export const about = '720p in VP9 with three layers in one stream: requested sizes take 180, 360, 720 lines in turn';
export const timeoutSeconds = 120;

const camera = { width: 1280, height: 720, publish: { videoCodec: 'vp9', backupCodec: false } };
const who = { identity: 'alice', source: 'camera' };
const widths = { 180: 320, 360: 640, 720: 1280 };

export async function run(t) {
  const focus = await t.focus();
  const bob = await t.joined(focus, 'bob');
  const alice = await t.joined(focus, 'alice', { publish: { camera, microphone: false } });
  await shows(bob, 720);
  const streams = (await alice.outbound()).filter((r) => r.frames > 0);
  equal(streams.length, 1, 'streams that alice encodes');
  equal((await bob.inboundOf('alice', 'camera')).codec.toLowerCase(), 'video/vp9', 'codec bob decodes');
  const all = await bob.packetsDuring('alice', 'camera', 1000);
  t.step(`bob decodes all layers of one stream, ${all} packets a second`);

  for (const height of [180, 360, 720, 180, 720, 360, 180]) {
    await bob.call('watchFrames', who);
    const asked = Date.now();
    await bob.call('requestSize', { ...who, width: widths[height], height });
    await shows(bob, height);
    const took = Date.now() - asked;
    const packets = await bob.packetsDuring('alice', 'camera', 1000);
    const seen = await bob.call('stopWatching');
    atMost(seen.longestGapMs, 1000, `ms without a new frame while switching to ${height} lines`);
    if (height === 180) atMost(packets, all / 2, 'packets a second with two layers left out');
    t.step(`${height} lines in ${took} ms, ${packets} packets a second, longest gap ${seen.longestGapMs} ms`);
  }
  const row = await bob.inboundOf('alice', 'camera');
  equal(row.lost, 0, 'packets bob counts as lost after all the switching');
  const [sent] = (await alice.outbound()).filter((r) => r.frames > 0);
  check(sent.height === 720, 'alice still encodes the highest layer', sent);
}

function shows(peer, height) {
  return until(`${peer.name} decodes ${height} lines`, async () => {
    const row = await peer.inboundOf('alice', 'camera');
    return row?.height === height && row.fps > 0;
  }, { timeoutMs: 15000, describe: () => peer.inbound() });
}
