// A call page for a focus in dev mode: unmodified livekit-client, no build step.
// /dev/token gives the token; ?room=, ?name= and ?send= (or #room) fill in the lobby.

const LK = window.LivekitClient;
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

const STATS_EVERY_MS = 2000;
const TOAST_MS = 9000;

let room = null;
let testSource = null;
const tiles = new Map();

// ---- words for what goes wrong

const mediaProblems = {
  NotFoundError: (what) => `No ${what} was found on this machine.`,
  NotAllowedError: (what) => `The browser was told not to use the ${what}; allow it beside the address.`,
  NotReadableError: (what) => `The ${what} cannot be opened; another program may be using it.`,
  OverconstrainedError: (what) => `The ${what} cannot deliver the picture that was asked for.`,
};

function mediaProblem(error, what) {
  if (!window.isSecureContext) {
    return `Browsers lend a ${what} only to https pages and to localhost; this page is ${location.origin}.`;
  }
  return mediaProblems[error.name]?.(what) ?? `The ${what} failed: ${error.message}`;
}

function connectProblem(error) {
  const { NotAllowed, ServerUnreachable, WebSocket: Socket } = LK.ConnectionErrorReason;
  if (/pc connection|ice|timed out/i.test(error.message)) {
    return 'Signalling works, but no media path came up. Is the UDP port of the focus (7882 unless '
      + 'configured) reachable from this browser?';
  }
  if (error.reason === NotAllowed) return `The focus refused the token: ${error.message}`;
  if (error.reason === ServerUnreachable || error.reason === Socket) {
    return `The focus at ${location.host} does not answer. Is it still running?`;
  }
  return `Could not join: ${error.message}`;
}

const goodbyes = {
  DUPLICATE_IDENTITY: 'This identity joined from somewhere else.',
  SERVER_SHUTDOWN: 'The focus was shut down.',
  PARTICIPANT_REMOVED: 'You were removed from the call.',
  ROOM_DELETED: 'The room was deleted.',
  ROOM_CLOSED: 'The room was closed.',
};

function toast(text) {
  const note = document.createElement('p');
  note.className = 'toast';
  note.textContent = text;
  $('toasts').append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

// ---- joining

// Tabs of one person need identities of their own; the part after ~ is not shown.
const uniqueIdentity = (name) => `${name}~${Math.random().toString(36).slice(2, 6)}`;
const shownName = (p) => (p.name || p.identity).replace(/~\w{1,4}$/, '');

async function fetchToken(roomName, name) {
  const parameters = new URLSearchParams({ room: roomName, identity: uniqueIdentity(name), name });
  let response;
  try {
    response = await fetch(`/dev/token?${parameters}`);
  } catch {
    throw new Error(`The focus at ${location.host} does not answer. Is it still running?`);
  }
  if (response.status === 404) {
    throw new Error('This focus gives out no tokens: it does not run with --dev.');
  }
  const text = await response.text();
  if (!response.ok) throw new Error(`The focus gave no token (${response.status}): ${text}`);
  return JSON.parse(text);
}

async function join(roomName, name, send) {
  const { token, url } = await fetchToken(roomName, name);
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  room = new LK.Room({ adaptiveStream: true, dynacast: true });
  listen(room);
  try {
    await room.connect(url ?? `${scheme}://${location.host}`, token);
  } catch (error) {
    throw new Error(connectProblem(error));
  }
  history.replaceState(null, '', `${location.pathname}#${encodeURIComponent(roomName)}`);
  document.title = `${roomName} · Fovea`;
  $('room-name').textContent = roomName;
  $('lobby').hidden = true;
  $('call').hidden = false;
  window.room = room;  // For the curious, in the console.
  refresh();
  if (send === 'camera') await sendDevices();
  if (send === 'pattern') await sendPattern();
  refresh();
}

// ---- what is sent

async function sendDevices() {
  const me = room.localParticipant;
  const problems = [];
  const attempt = async (what, action) => {
    try {
      await action();
    } catch (error) {
      problems.push(mediaProblem(error, what));
    }
  };
  await attempt('microphone', () => me.setMicrophoneEnabled(true));
  await attempt('camera', () => me.setCameraEnabled(true));
  if (problems.length === 0) return;
  toast(`${problems.join(' ')} Sending a test pattern instead.`);
  await sendPattern();
}

// A drawn picture and a soft pulse of sound, for whatever of the two is not being sent yet.
async function sendPattern() {
  const me = room.localParticipant;
  testSource ??= makeTestSource(shownName(me));
  const { Camera, Microphone } = LK.Track.Source;
  if (!me.getTrackPublication(Camera)) {
    await me.publishTrack(testSource.video, { source: Camera, name: 'test pattern' });
  }
  if (!me.getTrackPublication(Microphone)) {
    await me.publishTrack(testSource.audio, { source: Microphone, name: 'test tone' });
  }
}

function hueOf(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 997;
  return hash % 360;
}

function makeTestSource(name) {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const pencil = canvas.getContext('2d');
  const hue = hueOf(name);
  const frames = frameSink(canvas);
  every(1000 / 25, (tick) => {
    drawPattern(pencil, name, hue, tick);
    frames.push();
  });
  return { video: frames.track, audio: makeTone(180 + hue) };
}

// Timers of a tab in the background run once a second; those of a worker keep their pace.
function every(periodMs, action) {
  const source = `setInterval(() => postMessage(0), ${periodMs});`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  let tick = 0;
  worker.onmessage = () => action((tick += 1));
}

// Canvas capture pauses with the tab as well; a track generator, where there is one, does not.
function frameSink(canvas) {
  if (!window.MediaStreamTrackGenerator) {
    return { track: canvas.captureStream(25).getVideoTracks()[0], push: () => {} };
  }
  const track = new window.MediaStreamTrackGenerator({ kind: 'video' });
  const writer = track.writable.getWriter();
  const push = () => {
    const frame = new VideoFrame(canvas, { timestamp: performance.now() * 1000 });
    writer.write(frame).catch(() => frame.close());
  };
  return { track, push };
}

function drawPattern(pencil, name, hue, tick) {
  const { width, height } = pencil.canvas;
  for (let bar = 0; bar < 8; bar += 1) {
    pencil.fillStyle = `hsl(${hue + bar * 14} 55% ${18 + bar * 5}%)`;
    pencil.fillRect((bar * width) / 8, 0, width / 8 + 1, height);
  }
  const angle = tick / 25;
  pencil.fillStyle = `hsl(${hue} 90% 72%)`;
  pencil.beginPath();
  pencil.arc(width / 2 + Math.cos(angle) * 380, height / 2 + Math.sin(angle * 2) * 200, 46, 0, 7);
  pencil.fill();
  pencil.fillStyle = '#fff';
  pencil.textAlign = 'center';
  pencil.font = '600 96px system-ui, sans-serif';
  pencil.fillText(name, width / 2, height / 2 - 10, width - 80);
  pencil.font = '44px ui-monospace, monospace';
  pencil.fillText(new Date().toISOString().slice(11, 22), width / 2, height / 2 + 70);
}

// Just long enough to count as speech, and quiet enough to bear in two tabs.
function makeTone(frequency) {
  const context = new AudioContext();
  const gain = context.createGain();
  gain.gain.value = 0;
  const target = context.createMediaStreamDestination();
  const oscillator = context.createOscillator();
  oscillator.frequency.value = frequency;
  oscillator.connect(gain).connect(target);
  oscillator.start();
  every(3000, () => {
    const now = context.currentTime;
    gain.gain.setTargetAtTime(0.12, now, 0.05);
    gain.gain.setTargetAtTime(0, now + 1.2, 0.1);
  });
  return target.stream.getAudioTracks()[0];
}

// ---- what is shown

function listen(source) {
  const on = (names, action) => names.forEach((name) => source.on(LK.RoomEvent[name], action));
  on(['ParticipantConnected', 'ParticipantDisconnected', 'TrackPublished', 'TrackUnpublished',
    'TrackSubscribed', 'TrackUnsubscribed', 'TrackMuted', 'TrackUnmuted', 'LocalTrackPublished',
    'LocalTrackUnpublished', 'ActiveSpeakersChanged', 'ConnectionQualityChanged',
    'ParticipantNameChanged', 'ConnectionStateChanged', 'SignalReconnecting'], refresh);
  on(['TrackSubscribed'], (track) => {
    if (track.kind === 'audio') document.body.append(track.attach());
  });
  on(['TrackUnsubscribed'], (track) => {
    if (track.kind === 'audio') track.detach().forEach((element) => element.remove());
  });
  on(['AudioPlaybackStatusChanged'], () => { $('unlock-audio').hidden = source.canPlaybackAudio; });
  on(['Disconnected'], (reason) => backToLobby(goodbyes[LK.DisconnectReason[reason]]));
}

function backToLobby(why) {
  if ($('call').hidden) return;
  $('call').hidden = true;
  $('unlock-audio').hidden = true;
  $('lobby').hidden = false;
  $('lobby-error').textContent = why ?? '';
  tiles.forEach((tile) => tile.element.remove());
  tiles.clear();
  document.title = 'Fovea';
}

// What should be on screen: one tile per person, one more per shared screen.
function wantedTiles() {
  const wanted = new Map();
  for (const person of [room.localParticipant, ...room.remoteParticipants.values()]) {
    const camera = person.getTrackPublication(LK.Track.Source.Camera);
    const screen = person.getTrackPublication(LK.Track.Source.ScreenShare);
    wanted.set(person.identity, { person, publication: camera, screen: false });
    if (screen) wanted.set(`${person.identity}/screen`, { person, publication: screen, screen: true });
  }
  return wanted;
}

function refresh() {
  if (!room || $('call').hidden) return;
  const wanted = wantedTiles();
  for (const [key, tile] of tiles) {
    if (wanted.has(key)) continue;
    tile.element.remove();
    tiles.delete(key);
  }
  for (const [key, want] of wanted) {
    const tile = tiles.get(key) ?? makeTile(key);
    paintTile(tile, want);
  }
  $('alone').hidden = room.remoteParticipants.size > 0;
  paintControls();
  arrange();
}

function makeTile(key) {
  const element = $('tile-template').content.firstElementChild.cloneNode(true);
  const tile = { element, part: (name) => element.querySelector(`.${name}`), track: null };
  $('tiles').append(element);
  tiles.set(key, tile);
  return tile;
}

function paintTile(tile, { person, publication, screen }) {
  const { element, part } = tile;
  const name = shownName(person);
  const microphone = person.getTrackPublication(LK.Track.Source.Microphone);
  const track = publication?.isMuted ? null : (publication?.videoTrack ?? null);
  if (track !== tile.track) {
    element.querySelector('video')?.remove();
    if (track) {
      const video = track.attach();
      video.muted = true;
      element.insertBefore(video, part('label'));
    }
    tile.track = track;
  }
  const isCamera = publication?.trackName !== 'test pattern';
  element.classList.toggle('mirrored', person.isLocal && !screen && isCamera);
  element.classList.toggle('screen', screen);
  element.classList.toggle('speaking', person.isSpeaking && !screen);
  element.classList.toggle('muted', !screen && (!microphone || microphone.isMuted));
  part('avatar').textContent = [...name][0]?.toUpperCase() ?? '?';
  part('avatar').style.setProperty('--hue', hueOf(name));
  part('avatar').hidden = Boolean(track);
  part('who').textContent = `${name}${person.isLocal ? ' (you)' : ''}${screen ? ': screen' : ''}`;
  part('quality').className = `quality ${person.connectionQuality}`;
  part('quality').setAttribute('aria-label', `connection ${person.connectionQuality}`);
}

function paintControls() {
  const me = room.localParticipant;
  $('toggle-mic').setAttribute('aria-pressed', me.isMicrophoneEnabled);
  $('toggle-cam').setAttribute('aria-pressed', me.isCameraEnabled);
  $('toggle-screen').setAttribute('aria-pressed', me.isScreenShareEnabled);
  const connected = room.state === LK.ConnectionState.Connected;
  $('state').textContent = connected ? 'connected' : 'reconnecting…';
  $('state').classList.toggle('waiting', !connected);
}

// The number of columns that makes 16:9 tiles largest.
function arrange() {
  const box = $('tiles').getBoundingClientRect();
  let best = { columns: 1, area: 0 };
  for (let columns = 1; columns <= tiles.size; columns += 1) {
    const rows = Math.ceil(tiles.size / columns);
    const width = Math.min(box.width / columns, (box.height / rows) * (16 / 9));
    if (width > best.area) best = { columns, area: width };
  }
  $('tiles').style.setProperty('--columns', best.columns);
}

// ---- figures

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

async function showFigures() {
  if (!room || $('call').hidden) return;
  const totals = { up: 0, down: 0, rttMs: null };
  for (const [key, { person, publication }] of wantedTiles()) {
    const sound = key.endsWith('/screen')
      ? null : person.getTrackPublication(LK.Track.Source.Microphone)?.track;
    const video = publication?.track ? await readTrack(publication.track, totals) : null;
    const audio = sound ? await readTrack(sound, totals) : null;
    const words = [];
    if (video?.height) words.push(`${video.height}p`, `${Math.round(video.fps)} fps`);
    if (video || audio) words.push(bits((video?.rate ?? 0) + (audio?.rate ?? 0)));
    if (!person.isLocal && video) words.push(`${share(video).toFixed(1)} % lost`);
    const numbers = tiles.get(key)?.part('numbers');
    if (numbers) numbers.textContent = words.join(' · ');
  }
  const rtt = totals.rttMs === null ? '' : `round trip ${Math.max(1, Math.round(totals.rttMs))} ms · `;
  $('figures').textContent = `${rtt}up ${bits(totals.up)} · down ${bits(totals.down)}`;
}

// ---- buttons

async function toggle(kind) {
  const me = room.localParticipant;
  const [enabled, set, what] = {
    mic: [me.isMicrophoneEnabled, 'setMicrophoneEnabled', 'microphone'],
    cam: [me.isCameraEnabled, 'setCameraEnabled', 'camera'],
    screen: [me.isScreenShareEnabled, 'setScreenShareEnabled', 'screen'],
  }[kind];
  try {
    await me[set](!enabled);
  } catch (error) {
    // Closing the picker of screens is no failure.
    if (kind !== 'screen' || error.name !== 'NotAllowedError') toast(mediaProblem(error, what));
  }
  refresh();
}

function wireButtons() {
  for (const kind of ['mic', 'cam', 'screen']) $(`toggle-${kind}`).onclick = () => toggle(kind);
  $('hang-up-button').onclick = () => room.disconnect().then(() => backToLobby());
  $('unlock-audio').onclick = () => room.startAudio();
  $('copy').onclick = async () => {
    await navigator.clipboard?.writeText(location.href);
    toast('The link to this room is in the clipboard.');
  };
  addEventListener('keydown', (event) => {
    if ($('call').hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = { m: 'mic', v: 'cam', s: 'screen' }[event.key.toLowerCase()];
    if (kind) toggle(kind);
  });
  addEventListener('resize', arrange);
}

function openLobby() {
  $('room').value = query.get('room') || decodeURIComponent(location.hash.slice(1)) || 'lobby';
  $('name').value = query.get('name') ?? '';
  const send = query.get('send');
  const choice = document.querySelector(`input[name=send][value="${CSS.escape(send ?? '')}"]`);
  if (choice) choice.checked = true;
  $('join-form').onsubmit = async (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    $('join').disabled = true;
    $('lobby-error').textContent = '';
    try {
      await join(fields.get('room').trim(), fields.get('name').trim(), fields.get('send'));
    } catch (error) {
      $('lobby-error').textContent = error.message;
    }
    $('join').disabled = false;
  };
}

if (LK) {
  wireButtons();
  openLobby();
  setInterval(showFigures, STATS_EVERY_MS);
} else {
  $('join').disabled = true;
  $('lobby-error').textContent = 'livekit-client is missing on this focus; scripts/setup installs it.';
}
