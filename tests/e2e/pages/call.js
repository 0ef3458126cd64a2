// One unmodified livekit-client participant, driven from the test through window.peer.*: every
// function takes one plain object and returns plain data.
const LK = window.LivekitClient;
const peer = (window.peer = { room: null, events: [], inbox: [], cipherErrors: [] });
let worker = null;

// How many frames of which kind crossed the page's WebSockets, and where those went.
const socketPaths = [];
peer.socketPaths = () => socketPaths;
peer.signalling = { sent: { text: 0, binary: 0 }, received: { text: 0, binary: 0 } };
const countFrame = (way, data) => { peer.signalling[way][typeof data === 'string' ? 'text' : 'binary'] += 1; };
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function count(data) {
  if (!this.counted) {
    socketPaths.push(new URL(this.url).pathname);
    this.addEventListener('message', (e) => countFrame('received', e.data));
  }
  this.counted = true;
  countFrame('sent', data);
  return send.call(this, data);
};
peer.signalFrames = () => peer.signalling;

function brief(value) {
  if (value instanceof Error) {
    return { error: value.message, name: value.name, reason: value.reason, status: value.status };
  }
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (Array.isArray(value)) return value.map(brief);
  if (value && typeof value === 'object') {
    if (value.identity !== undefined) return { identity: value.identity };
    if (value.trackSid !== undefined) return { trackSid: value.trackSid, source: value.source };
    if (value.sid !== undefined) return { sid: value.sid, source: value.source, kind: value.kind };
    return {};
  }
  return value;
}

function record(room) {
  for (const name of Object.values(LK.RoomEvent)) {
    room.on(name, (...args) => {
      peer.events.push({ at: Math.round(performance.now()), name, args: args.map(brief) });
    });
  }
  // Apart from the other events, so that forgetting those hides none of these.
  room.on('encryptionError', (...args) => peer.cipherErrors.push(args.map(brief)));
  room.on('trackSubscribed', (track, publication, participant) => {
    const element = track.attach();
    element.id = `${participant.identity}/${publication.source}`;
    document.getElementById('media').append(element);
  });
  room.on('trackUnsubscribed', (track) => track.detach().forEach((element) => element.remove()));
  room.on('dataReceived', (payload, from, kind, topic) => {
    peer.inbox.push({ text: brief(payload), from: from?.identity, kind, topic });
  });
}

peer.encryptionErrors = () => peer.cipherErrors;

async function e2eeOptions(key) {
  const keyProvider = new LK.ExternalE2EEKeyProvider();
  await keyProvider.setKey(key);
  const version = new URLSearchParams(location.search).get('lk') || '223';
  worker = new Worker(`/lk${version}/livekit-client.e2ee.worker.js`);
  return { keyProvider, worker };
}

// A browser without some decoders: receiving transceivers are made without them, which is all that a
// server can see of a browser's abilities.
peer.cannotDecode = ({ codecs }) => {
  const all = RTCRtpReceiver.getCapabilities('video').codecs;
  const rest = all.filter((c) => !codecs.includes(c.mimeType.toLowerCase()));
  const { addTransceiver } = RTCPeerConnection.prototype;
  const limit = (transceiver) => {
    if (transceiver.receiver.track.kind === 'video') transceiver.setCodecPreferences(rest);
  };
  RTCPeerConnection.prototype.addTransceiver = function add(what, init) {
    const transceiver = addTransceiver.call(this, what, init);
    if (init?.direction === 'recvonly') limit(transceiver);
    return transceiver;
  };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function set(description) {
    await setRemoteDescription.call(this, description);
    if (description.type !== 'offer') return;
    this.getTransceivers().filter((t) => !t.sender.track).forEach(limit);
  };
};

peer.join = async ({ url, token, roomOptions = {}, connectOptions = {}, e2eeKey, json }) => {
  LK.setLogLevel('warn');
  const options = { adaptiveStream: false, dynacast: false, ...roomOptions };
  if (e2eeKey) options.e2ee = await e2eeOptions(e2eeKey);
  const room = (peer.room = new LK.Room(options));
  record(room);
  if (json) {
    // livekit-client's own switch for text frames; nothing in its public options sets it.
    room.engine.client.useJSON = true;
  }
  if (e2eeKey) await room.setE2EEEnabled(true);
  const started = performance.now();
  try {
    await room.connect(url, token, connectOptions);
  } catch (error) {
    return { refused: brief(error) };
  }
  return {
    connectMs: performance.now() - started,
    sid: room.localParticipant.sid,
    identity: room.localParticipant.identity,
    roomSid: await room.getSid(),
  };
};

peer.leave = () => peer.room.disconnect();

// ---- publishing

peer.microphone = async ({ on = true } = {}) => {
  const publication = await peer.room.localParticipant.setMicrophoneEnabled(on);
  return publication?.trackSid;
};

peer.camera = async ({ on = true, width = 640, height = 360, publish = {} } = {}) => {
  const resolution = { width, height, frameRate: 30 };
  const publication = await peer.room.localParticipant.setCameraEnabled(
    on, { resolution }, { simulcast: false, ...publish });
  return publication?.trackSid;
};

peer.screen = async ({ on = true } = {}) => {
  const publication = await peer.room.localParticipant.setScreenShareEnabled(on);
  return publication?.trackSid;
};

// A steady tone as the microphone: the fake device only beeps, too rarely for speaker detection.
peer.tone = async ({ gain = 0.5 } = {}) => {
  if (!peer.toneGain) {
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    const target = context.createMediaStreamDestination();
    peer.toneGain = context.createGain();
    oscillator.connect(peer.toneGain).connect(target);
    oscillator.start();
    peer.toneGain.gain.value = gain;
    await peer.room.localParticipant.publishTrack(
      target.stream.getAudioTracks()[0], { source: LK.Track.Source.Microphone, dtx: false });
  }
  peer.toneGain.gain.value = gain;
};

peer.unpublish = async ({ source }) => {
  const publication = peer.room.localParticipant.getTrackPublication(source);
  await peer.room.localParticipant.unpublishTrack(publication.track);
};

// The same MediaStreamTrack again, before its end was negotiated.
peer.republish = async ({ source }) => {
  const me = peer.room.localParticipant;
  const { mediaStreamTrack } = me.getTrackPublication(source).track;
  const ended = me.unpublishTrack(mediaStreamTrack, false);
  const published = me.publishTrack(mediaStreamTrack, { source, simulcast: false });
  await ended;
  return (await published).trackSid;
};

// Publishing that is expected to be refused.
peer.tryPublish = async ({ source }) => {
  const attempt = source === 'camera' ? peer.camera() : peer.microphone();
  return attempt.then((trackSid) => ({ trackSid }), (error) => ({ refused: brief(error) }));
};

// ---- subscribing

function publication({ identity, source }) {
  const found = peer.room.remoteParticipants.get(identity)?.getTrackPublication(source);
  if (!found) throw new Error(`no ${source} of ${identity} is known`);
  return found;
}

peer.requestSize = (o) => publication(o).setVideoDimensions({ width: o.width, height: o.height });
peer.requestQuality = (o) => publication(o).setVideoQuality(LK.VideoQuality[o.quality]);
peer.setEnabled = (o) => publication(o).setEnabled(o.enabled);
peer.setSubscribed = (o) => publication(o).setSubscribed(o.subscribed);

peer.elementStyle = ({ identity, source, style }) => {
  Object.assign(document.getElementById(`${identity}/${source}`).style, style);
};

peer.allowSubscribers = ({ all, allowed = [] }) => {
  peer.room.localParticipant.setTrackSubscriptionPermissions(all, allowed);
};

// ---- data

peer.send = ({ text, ...options }) => (
  peer.room.localParticipant.publishData(new TextEncoder().encode(text), options));

// Numbered reliable packets to everybody who comes, from the moment they are announced.
peer.greetNewcomers = ({ count }) => {
  peer.room.on('participantConnected', async ({ identity }) => {
    for (let i = 0; i < count; i += 1) {
      await peer.send({
        text: `${i}`, reliable: true, topic: `for ${identity}`, destinationIdentities: [identity],
      });
    }
  });
};

peer.listenForText = ({ topic }) => {
  peer.room.registerTextStreamHandler(topic, async (reader, from) => {
    peer.inbox.push({ stream: await reader.readAll(), from: from.identity, topic });
  });
};
peer.sendText = async ({ text, ...options }) => {
  await peer.room.localParticipant.sendText(text, options);
};

peer.serveRpc = ({ method }) => {
  const handler = async (call) => `${method} of ${call.callerIdentity}: ${call.payload}`;
  (peer.room.registerRpcMethod ?? peer.room.localParticipant.registerRpcMethod)
    .call(peer.room.registerRpcMethod ? peer.room : peer.room.localParticipant, method, handler);
};
peer.rpc = (o) => peer.room.localParticipant.performRpc(o);

// Data tracks: every frame of every track somebody publishes lands in the inbox.
peer.watchDataTracks = () => {
  peer.room.on(LK.RoomEvent.DataTrackPublished, async (track) => {
    const { name, sid } = track.info;
    const from = track.publisherIdentity;
    const reader = track.subscribe().getReader();
    peer.dataReaders = { ...peer.dataReaders, [name]: reader };
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      peer.inbox.push({ dataTrack: name, sid, from, text: brief(value.payload), bytes: value.payload.length });
    }
  });
};
peer.publishDataTrack = async ({ name }) => {
  const track = await peer.room.localParticipant.publishDataTrack({ name });
  peer.dataTracks = { ...peer.dataTracks, [name]: track };
  return track.info.sid;
};
peer.pushFrames = async ({ name, texts }) => {
  for (const text of texts) {
    peer.dataTracks[name].tryPush({ payload: new TextEncoder().encode(text) });
    await peer.dataTracks[name].flush();
  }
};
peer.knownDataTracks = () => [...peer.room.remoteParticipants.values()].flatMap((p) => (
  [...p.dataTracks.values()].map((x) => ({ name: x.info.name, from: p.identity }))));
peer.stopReading = ({ name }) => peer.dataReaders[name].cancel();
peer.unpublishDataTrack = ({ name }) => peer.dataTracks[name].unpublish();

// ---- room state

peer.setProfile = async ({ name, metadata, attributes }) => {
  const me = peer.room.localParticipant;
  if (name !== undefined) await me.setName(name);
  if (metadata !== undefined) await me.setMetadata(metadata);
  if (attributes !== undefined) await me.setAttributes(attributes);
};

peer.simulate = ({ scenario, argument }) => {
  // Not awaited: some scenarios settle only after the reconnect that the test wants to watch.
  peer.room.simulateScenario(scenario, argument).catch((error) => {
    peer.events.push({ at: performance.now(), name: 'simulateFailed', args: [brief(error)] });
  });
};

peer.state = () => {
  const { room } = peer;
  const describe = (p) => ({
    identity: p.identity,
    sid: p.sid,
    name: p.name,
    metadata: p.metadata,
    attributes: { ...p.attributes },
    quality: p.connectionQuality,
    speaking: p.isSpeaking,
    permissions: p.permissions && {
      canPublish: p.permissions.canPublish,
      canSubscribe: p.permissions.canSubscribe,
      canPublishData: p.permissions.canPublishData,
    },
    tracks: [...p.trackPublications.values()].map((t) => ({
      sid: t.trackSid, source: t.source, muted: t.isMuted, subscribed: Boolean(t.track),
      mime: t.mimeType, simulcast: t.simulcasted, encrypted: t.isEncrypted,
    })),
  });
  return {
    state: room.state,
    sid: room.localParticipant.sid,
    me: describe(room.localParticipant),
    metadata: room.metadata,
    others: [...room.remoteParticipants.values()].map(describe),
    speakers: room.activeSpeakers.map((p) => p.identity),
  };
};
