// The size of the video element decides what is sent to a viewer, and what no viewer wants is not
// even encoded.
import { atMost, sleep, until } from '../lib/expect.mjs';

export const about = 'adaptive stream follows the element; dynacast stops unwanted layers';
export const timeoutSeconds = 120;

const camera = { width: 1280, height: 720, publish: { simulcast: true, videoCodec: 'vp8' } };
const element = { identity: 'alice', source: 'camera' };

export async function run(t) {
  const focus = await t.focus();
  const bob = await t.joined(focus, 'bob', {
    page: { viewport: { width: 1400, height: 900 } },
    roomOptions: { adaptiveStream: { pixelDensity: 1 } },
  });
  const alice = await t.joined(focus, 'alice', {
    roomOptions: { dynacast: true }, publish: { camera, microphone: false },
  });
  await bob.seesMedia('alice', 'camera');

  const sizes = [[1280, 720], [320, 180], [640, 360], [1280, 720]];
  for (const [width, height] of sizes) {
    const style = { width: `${width}px`, height: `${height}px` };
    await bob.call('elementStyle', { ...element, style });
    await until(`an element of ${height} px gets ${height} lines`, async () => {
      const row = await bob.inboundOf('alice', 'camera');
      return row.height === height && row.fps > 0;
    }, { timeoutMs: 20000, describe: () => bob.inbound() });
    t.step(`element ${width}x${height} gets that layer`);
  }

  await bob.call('elementStyle', { ...element, style: { width: '320px', height: '180px' } });
  await stopsEncoding(alice, 'f');
  t.step('alice stopped encoding f, which nobody watches');
  await bob.call('elementStyle', { ...element, style: { width: '1280px', height: '720px' } });
  const asked = Date.now();
  await until('f is encoded again', async () => {
    const row = await bob.inboundOf('alice', 'camera');
    return row.height === 720 && row.fps > 0;
  }, { timeoutMs: 6000, describe: () => alice.outbound() });
  t.figure('from asking for f to seeing it, ms', Date.now() - asked);

  await bob.call('elementStyle', { ...element, style: { display: 'none' } });
  await until('a hidden element gets no packets', async () => (
    (await bob.packetsDuring('alice', 'camera', 1000)) === 0), { timeoutMs: 6000 });
  await stopsEncoding(alice, 'q');
  t.step('hidden: nothing is sent, nothing is encoded');
  await bob.call('elementStyle', { ...element, style: { display: 'block' } });
  await bob.seesMedia('alice', 'camera');
  t.step('shown again: the picture is back');
}

// Downgrades wait 5 s on purpose, so that a viewer who flips between sizes costs no encoder start.
async function stopsEncoding(peer, rid) {
  const frames = async () => (await peer.outbound()).find((r) => r.rid === rid).frames;
  await until(`${peer.name} stops encoding ${rid}`, async () => {
    const before = await frames();
    await sleep(1000);
    return (await frames()) === before;
  }, { timeoutMs: 15000, describe: () => peer.outbound() });
  const rest = await frames();
  await sleep(1000);
  atMost((await frames()) - rest, 0, `frames of ${rid} encoded after it stopped`);
}
