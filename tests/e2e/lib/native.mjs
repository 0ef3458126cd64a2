// LiveKit's native client (Rust and libwebrtc) through @livekit/rtc-node: cheap enough for dozens.
import * as lk from '@livekit/rtc-node';
import { onCleanup } from './cleanup.mjs';
import { until } from './expect.mjs';

const recorded = [
  'participantConnected', 'participantDisconnected', 'trackPublished', 'trackUnpublished',
  'trackSubscribed', 'trackUnsubscribed', 'trackMuted', 'trackUnmuted', 'localTrackRepublished',
  'roomMetadataChanged', 'participantMetadataChanged', 'participantNameChanged',
  'participantAttributesChanged', 'reconnecting', 'reconnected', 'disconnected',
];
const sourceNames = {
  [lk.TrackSource.SOURCE_CAMERA]: 'camera',
  [lk.TrackSource.SOURCE_MICROPHONE]: 'microphone',
};

function brief(value) {
  if (value?.identity !== undefined) return value.identity;
  if (value?.sid !== undefined) return value.sid;
  return typeof value === 'object' ? { ...value } : value;
}

export class NativePeer {
  // Frames decoded and their size, by "identity/source".
  media = new Map();
  events = [];
  inbox = [];
  #ended = false;
  #timers = [];

  static async join(focus, name, { room = 'room', token, url, options = {} } = {}) {
    const peer = new NativePeer();
    peer.name = name;
    peer.room = new lk.Room();
    peer.#listen();
    onCleanup(`native client ${name}`, () => peer.leave());
    const started = performance.now();
    await peer.room.connect(url ?? focus.wsUrl, token ?? focus.token(name, room), {
      autoSubscribe: true, dynacast: true, ...options,
    });
    peer.connectMs = performance.now() - started;
    return peer;
  }

  #listen() {
    for (const name of recorded) {
      this.room.on(name, (...args) => (
        this.events.push({ name, at: performance.now(), args: args.map(brief) })));
    }
    this.room.on('trackSubscribed', (track, publication, participant) => {
      const key = `${participant.identity}/${sourceNames[publication.source] ?? publication.source}`;
      this.#count(track, key).catch((error) => this.events.push({ name: 'countError', args: [error.message] }));
    });
    this.room.on('dataReceived', (payload, from, kind, topic) => {
      this.inbox.push({ text: new TextDecoder().decode(payload), from: from?.identity, kind, topic });
    });
  }

  async #count(track, key) {
    const counter = this.media.get(key) ?? { frames: 0, size: '', loud: 0 };
    this.media.set(key, counter);
    if (track.kind === lk.TrackKind.KIND_VIDEO) {
      for await (const { frame } of new lk.VideoStream(track)) {
        counter.frames += 1;
        counter.size = `${frame.width}x${frame.height}`;
      }
    } else {
      for await (const frame of new lk.AudioStream(track, 48000, 1)) {
        counter.frames += 1;
        if (frame.data.some((sample) => Math.abs(sample) > 1000)) counter.loud += 1;
      }
    }
  }

  async publishVideo({ width = 320, height = 180, fps = 15, simulcast = false } = {}) {
    const source = new lk.VideoSource(width, height);
    const track = lk.LocalVideoTrack.createVideoTrack('camera', source);
    const options = new lk.TrackPublishOptions();
    options.source = lk.TrackSource.SOURCE_CAMERA;
    options.videoCodec = lk.VideoCodec.VP8;
    options.simulcast = simulcast;
    const publication = await this.room.localParticipant.publishTrack(track, options);
    const pixels = new Uint8Array((width * height * 3) / 2).fill(128);
    let tick = 0;
    this.#timers.push(setInterval(() => {
      tick += 1;
      // A grey that changes and a moving bar, so that every frame differs from the last.
      pixels.fill((tick * 5) % 200, 0, width * height);
      const row = (tick * 3) % height;
      pixels.fill(255, row * width, (row + 1) * width);
      source.captureFrame(new lk.VideoFrame(pixels, width, height, lk.VideoBufferType.I420));
    }, 1000 / fps));
    return publication;
  }

  async publishTone() {
    const source = new lk.AudioSource(48000, 1);
    const track = lk.LocalAudioTrack.createAudioTrack('microphone', source);
    const options = new lk.TrackPublishOptions();
    options.source = lk.TrackSource.SOURCE_MICROPHONE;
    const publication = await this.room.localParticipant.publishTrack(track, options);
    const play = async () => {
      for (let n = 0; !this.#ended; n += 480) {
        const samples = Int16Array.from({ length: 480 }, (_, i) => 8000 * Math.sin((n + i) * 0.06));
        await source.captureFrame(new lk.AudioFrame(samples, 48000, 1, 480));
      }
    };
    play().catch(() => {});  // Ends with the room.
    return publication;
  }

  frames(identity, source) {
    return this.media.get(`${identity}/${source}`)?.frames ?? 0;
  }

  // Audio frames with something to hear: a subscription without packets still yields silent ones.
  loud(identity, source = 'microphone') {
    return this.media.get(`${identity}/${source}`)?.loud ?? 0;
  }

  // `more` further frames of a track; the native decoder only hands out what it could decode.
  async seesMedia(identity, source, { more = 5, timeoutMs = 12000 } = {}) {
    const before = this.frames(identity, source);
    await until(`${this.name} decodes ${more} more of ${identity}'s ${source}`, () => (
      this.frames(identity, source) >= before + more), { timeoutMs, describe: () => this.story() });
  }

  event(name, fits = () => true, { timeoutMs = 10000 } = {}) {
    return until(`${this.name} sees ${name}`, () => (
      this.events.find((e) => e.name === name && fits(e))), { timeoutMs, describe: () => this.story() });
  }

  received(what, fits, { timeoutMs = 10000 } = {}) {
    return until(`${this.name} receives ${what}`, () => this.inbox.find(fits), {
      timeoutMs, describe: () => this.inbox,
    });
  }

  send(text, options = {}) {
    return this.room.localParticipant.publishData(new TextEncoder().encode(text), options);
  }

  story() {
    return { media: Object.fromEntries(this.media), events: this.events.slice(-15) };
  }

  async leave() {
    if (this.#ended) return;
    this.#ended = true;
    this.#timers.forEach(clearInterval);
    await this.room.disconnect();
  }
}
