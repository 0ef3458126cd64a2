// Figures a person understands, from WebRTC's statistics: resolution, rate, loss, round trip.
import { setNumbers, wantedTiles } from './tiles.js';

const previous = new Map();

// Bits per second of a counter since it was last looked at; not known the first time.
function rateOf(id, bytes, at) {
  const last = previous.get(id);
  previous.set(id, { bytes, at });
  return last && at > last.at ? ((bytes - last.bytes) * 8000) / (at - last.at) : NaN;
}

async function readTrack(track, totals) {
  const report = await track.getRTCStatsReport();
  const out = { height: 0, fps: 0, rate: 0, lost: 0, received: 0 };
  for (const r of report?.values() ?? []) {
    const sent = r.type === 'outbound-rtp';
    if (sent || r.type === 'inbound-rtp') {
      const rate = rateOf(r.id, (sent ? r.bytesSent : r.bytesReceived) ?? 0, r.timestamp);
      out.rate += rate;
      totals[sent ? 'up' : 'down'] += rate;
      out.height = Math.max(out.height, r.frameHeight ?? 0);
      out.fps = Math.max(out.fps, r.framesPerSecond ?? 0);
      out.lost += r.packetsLost ?? 0;
      out.received += r.packetsReceived ?? 0;
    }
    if (r.type === 'candidate-pair' && r.nominated && r.currentRoundTripTime !== undefined) {
      totals.rttMs = r.currentRoundTripTime * 1000;
    }
  }
  return out;
}

function bits(rate) {
  if (Number.isNaN(rate)) return '… kbit/s';
  return rate < 1e6 ? `${Math.round(rate / 1000)} kbit/s` : `${(rate / 1e6).toFixed(1)} Mbit/s`;
}
const share = ({ lost, received }) => (100 * lost) / Math.max(1, lost + received);

// Writes the numbers of every tile and of the whole connection.
export async function showFigures(room) {
  const totals = { up: 0, down: 0, rttMs: null };
  for (const [key, { person, publication }] of wantedTiles(room)) {
    const sound = key.endsWith('/screen')
      ? null : person.getTrackPublication(window.LivekitClient.Track.Source.Microphone)?.track;
    const video = publication?.track ? await readTrack(publication.track, totals) : null;
    const audio = sound ? await readTrack(sound, totals) : null;
    const words = [];
    if (video?.height) words.push(`${video.height}p`, `${Math.round(video.fps)} fps`);
    if (video || audio) words.push(bits((video?.rate ?? 0) + (audio?.rate ?? 0)));
    if (!person.isLocal && video) words.push(`${share(video).toFixed(1)} % lost`);
    setNumbers(key, words.join(' · '));
  }
  const rtt = totals.rttMs === null ? '' : `round trip ${Math.max(1, Math.round(totals.rttMs))} ms · `;
  document.getElementById('figures').textContent = `${rtt}up ${bits(totals.up)} · down ${bits(totals.down)}`;
}
