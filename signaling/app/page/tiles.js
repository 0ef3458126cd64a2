// The grid of people: one tile for each, one more for each shared screen.
import { hueOf, shownName } from './names.js';

const { Source } = window.LivekitClient?.Track ?? {};
const $ = (id) => document.getElementById(id);
const tiles = new Map();

// What should be on screen, by the key of its tile.
export function wantedTiles(room) {
  const wanted = new Map();
  for (const person of [room.localParticipant, ...room.remoteParticipants.values()]) {
    const camera = person.getTrackPublication(Source.Camera);
    const screen = person.getTrackPublication(Source.ScreenShare);
    wanted.set(person.identity, { person, publication: camera, screen: false });
    if (screen) wanted.set(`${person.identity}/screen`, { person, publication: screen, screen: true });
  }
  return wanted;
}

export function paintTiles(room) {
  const wanted = wantedTiles(room);
  for (const [key, tile] of tiles) {
    if (wanted.has(key)) continue;
    tile.track?.detach();
    tile.element.remove();
    tiles.delete(key);
  }
  for (const [key, want] of wanted) paintTile(tiles.get(key) ?? makeTile(key), want);
  arrange();
}

export function clearTiles() {
  for (const tile of tiles.values()) {
    tile.track?.detach();
    tile.element.remove();
  }
  tiles.clear();
}

export function setNumbers(key, text) {
  const numbers = tiles.get(key)?.part('numbers');
  if (numbers) numbers.textContent = text;
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
  const microphone = person.getTrackPublication(Source.Microphone);
  const track = publication?.isMuted ? null : (publication?.videoTrack ?? null);
  if (track !== tile.track) {
    // Detaching tells adaptive stream that nobody looks at the old track any more.
    tile.track?.detach().forEach((video) => video.remove());
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

// The number of columns that makes 16:9 tiles largest.
export function arrange() {
  const box = $('tiles').getBoundingClientRect();
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= tiles.size; columns += 1) {
    const rows = Math.ceil(tiles.size / columns);
    const width = Math.min(box.width / columns, (box.height / rows) * (16 / 9));
    if (width > best.width) best = { columns, width };
  }
  $('tiles').style.setProperty('--columns', best.columns);
}
