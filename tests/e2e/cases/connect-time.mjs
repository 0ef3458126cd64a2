// How long it takes from opening the WebSocket to connected media, with the native client.
import { atMost } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = '@livekit/rtc-node: median time from connect to media connected is 250 ms at most';
export const timeoutSeconds = 60;

const ROUNDS = 21;
const MEDIAN_MS_MAX = Number(process.env.FOVEA_E2E_CONNECT_MS ?? 250);

export async function run(t) {
  const focus = await t.focus();
  // connect() resolves when the primary peer connection is up: ICE, DTLS and the first answers.
  const times = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const peer = await NativePeer.join(focus, `peer-${i}`, { room: `room-${i}` });
    times.push(Math.round(peer.connectMs));
    await peer.leave();
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  t.figure('connect p50, ms', at(0.5));
  t.figure('connect p90, ms', at(0.9));
  t.figure('connect max, ms', times.at(-1));
  atMost(at(0.5), MEDIAN_MS_MAX, 'median connect time in ms');
}
