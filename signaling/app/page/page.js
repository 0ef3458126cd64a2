// A call page for a focus in dev mode: unmodified livekit-client, no build step.
// /dev/token gives the token; ?room=, ?name= and ?send= (or #room) fill in the lobby.
import { showFigures } from './figures.js';
import { shownName, uniqueIdentity } from './names.js';
import { makeTestSource } from './pattern.js';
import { arrange, clearTiles, paintTiles } from './tiles.js';
import { connectProblem, goodbyes, mediaProblem } from './words.js';

const LK = window.LivekitClient;
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

const FIGURES_EVERY_MS = 2000;
const TOAST_MS = 9000;

let room = null;
let testSource = null;

function toast(text) {
  const note = document.createElement('p');
  note.className = 'toast';
  note.textContent = text;
  $('toasts').append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

// ---- joining

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
  clearTiles();
  testSource?.stop();
  testSource = null;
  document.title = 'Fovea';
}

function refresh() {
  if (!room || $('call').hidden) return;
  paintTiles(room);
  paintControls();
  $('alone').hidden = room.remoteParticipants.size > 0;
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
  setInterval(() => $('call').hidden || showFigures(room), FIGURES_EVERY_MS);
} else {
  $('join').disabled = true;
  $('lobby-error').textContent = 'livekit-client is missing on this focus; scripts/setup installs it.';
}
