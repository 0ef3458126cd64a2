// One publisher, fifteen viewers: the smallest broadcast, with LiveKit's native client.
import { atLeast, equal, sleep } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = '@livekit/rtc-node: one publisher, fifteen subscribers, video and audio';
export const timeoutSeconds = 90;

const VIEWERS = 15;
const FPS = 15;
const SECONDS = 5;

export async function run(t) {
  const focus = await t.focus();
  const publisher = await NativePeer.join(focus, 'publisher');
  await publisher.publishVideo({ fps: FPS });
  await publisher.publishTone();
  const names = Array.from({ length: VIEWERS }, (_, i) => `viewer-${i}`);
  const viewers = await Promise.all(names.map((name) => NativePeer.join(focus, name)));
  t.figure('slowest join of fifteen at once, ms', Math.round(Math.max(...viewers.map((v) => v.connectMs))));
  for (const viewer of viewers) {
    await viewer.seesMedia('publisher', 'camera');
    await viewer.seesMedia('publisher', 'microphone');
  }
  t.step('everybody decodes');

  const before = viewers.map((v) => v.frames('publisher', 'camera'));
  await sleep(SECONDS * 1000);
  const rates = viewers.map((v, i) => (v.frames('publisher', 'camera') - before[i]) / SECONDS);
  t.figure('lowest frame rate of a viewer', Math.min(...rates));
  // Two cores carry the encoder, fifteen decoders and the focus; a fifth may be lost to scheduling.
  atLeast(Math.min(...rates), FPS * 0.8, 'frames per second of the worst viewer');
  for (const viewer of viewers) {
    atLeast(viewer.media.get('publisher/microphone').loud, 20, `audible frames at ${viewer.name}`);
    equal(viewer.room.remoteParticipants.size, VIEWERS, `participants ${viewer.name} knows`);
  }

  await publisher.leave();
  for (const viewer of viewers) {
    await viewer.event('participantDisconnected', (e) => e.args[0] === 'publisher');
  }
  t.step('everybody saw the publisher leave');
}
