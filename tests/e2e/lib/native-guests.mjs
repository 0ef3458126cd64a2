// Native clients of several call members, in a process of their own: they publish, subscribe to
// everybody and decode nothing in JavaScript. The parent commands by messages and is told of every end.
import * as lk from '@livekit/rtc-node';

const SAMPLE_RATE = 48000;
const FRAME = SAMPLE_RATE / 10;  // few calls into the library; it sends 20 ms packets all the same
const tone = Int16Array.from({ length: FRAME }, (_, i) => (
  8000 * Math.sin((2 * Math.PI * 400 * i) / SAMPLE_RATE)));
const [width, height, framesPerSecond] = [160, 90, 5];
const guests = new Map();
const now = () => performance.timeOrigin + performance.now();

async function publishTone(guest) {
  const source = new lk.AudioSource(SAMPLE_RATE, 1);
  const options = new lk.TrackPublishOptions();
  options.source = lk.TrackSource.SOURCE_MICROPHONE;
  const track = lk.LocalAudioTrack.createAudioTrack('microphone', source);
  await guest.room.localParticipant.publishTrack(track, options);
  const play = async () => {
    while (!guest.ended) await source.captureFrame(new lk.AudioFrame(tone, SAMPLE_RATE, 1, FRAME));
    await track.close();
  };
  play().catch(() => {});  // Ends with the room.
}

async function publishVideo(guest) {
  const source = new lk.VideoSource(width, height);
  const options = new lk.TrackPublishOptions();
  options.source = lk.TrackSource.SOURCE_CAMERA;
  options.videoCodec = lk.VideoCodec.VP8;
  options.simulcast = false;
  const track = lk.LocalVideoTrack.createVideoTrack('camera', source);
  await guest.room.localParticipant.publishTrack(track, options);
  const pixels = new Uint8Array((width * height * 3) / 2).fill(128);
  const timer = setInterval(() => {
    if (guest.ended) return clearInterval(timer);
    pixels.fill(Math.random() * 200, 0, width * height);
    return source.captureFrame(new lk.VideoFrame(pixels, width, height, lk.VideoBufferType.I420));
  }, 1000 / framesPerSecond);
}

async function join({ key, url, token, audio, video }) {
  const guest = { room: new lk.Room(), ended: false };
  guests.set(key, guest);
  for (const name of ['reconnecting', 'disconnected']) {
    guest.room.on(name, (reason) => {
      if (name === 'disconnected') guest.ended = true;
      process.send({ happened: name, key, at: now(), reason: lk.DisconnectReason[reason] });
    });
  }
  await guest.room.connect(url, token, { autoSubscribe: true, dynacast: true });
  if (audio) await publishTone(guest);
  if (video) await publishVideo(guest);
  return { sid: guest.room.localParticipant.sid };
}

async function rows(guest) {
  const { publisherStats = [], subscriberStats = [] } = await guest.room.getRtcStats();
  return [...publisherStats, ...subscriberStats].map(({ stats }) => stats);
}

// What the parent has to know before it puts somebody out: the newest token, and where its media
// come from: focuses of these tests are reached over IPv4.
async function describe({ key }) {
  const guest = guests.get(key);
  const ends = (await rows(guest)).filter((row) => row.case === 'localCandidate')
    .map((row) => row.value.candidate).filter((c) => c.protocol === 'udp' && !c.address.includes(':'))
    .map((c) => `${c.address}:${c.port}`);
  return { ends: [...new Set(ends)], token: guest.room.token };
}

async function received({ key }) {
  const inbound = (await rows(guests.get(key))).filter((row) => row.case === 'inboundRtp');
  return { packets: inbound.reduce((sum, row) => sum + Number(row.value.received.packetsReceived), 0) };
}

const verbs = { join, describe, received };
process.on('message', async ({ verb, call, ...rest }) => {
  try {
    process.send({ call, answer: await verbs[verb](rest) });
  } catch (error) {
    process.send({ call, error: error.message });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
