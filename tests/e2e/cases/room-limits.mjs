// Rooms that are full, missing, or empty for long enough.
import { RoomServiceClient } from 'livekit-server-sdk';
import { refusedUpgrade } from '../lib/bare-client.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'max_participants, auto_create off, departure timeout';
export const timeoutSeconds = 90;

const NOT_ALLOWED = 0;
const WEBSOCKET = 6;
// Clients know a missing room by this text; any other 404 sends them to the older path.
const MISSING = 'requested room does not exist';

// What validate and the upgrade say to somebody who is refused, on both paths alike.
async function answers(focus, identity, room) {
  const token = focus.token(identity, room);
  const seen = [];
  for (const [path, join_request] of [['/rtc', ''], ['/rtc/v1', 'EgA=']]) {
    const query = new URLSearchParams({ access_token: token, join_request });
    const validate = await fetch(`${focus.httpUrl}${path}/validate?${query}`);
    const upgrade = await refusedUpgrade(focus, `${path}?${query}`);
    seen.push({ validate: [validate.status, await validate.text()], upgrade: [upgrade.status, upgrade.text] });
  }
  equal(seen[1], seen[0], 'the newer path, as against the older');
  return seen[0];
}

export async function run(t) {
  const focus = await t.focus({ config: { room: { auto_create: false, departure_timeout: 2 } } });
  const api = new RoomServiceClient(focus.httpUrl, API_KEY, API_SECRET);

  const early = await t.page('early');
  const { refused } = await early.join(focus, { room: 'missing', mayFail: true });
  check(refused, 'joined a room that does not exist');
  equal([refused.reason, refused.status], [NOT_ALLOWED, 404], 'reason and status that the page is told');
  check(refused.error.endsWith(MISSING), 'the page is not told why', refused);
  equal(await answers(focus, 'early', 'missing'), { validate: [404, MISSING], upgrade: [404, MISSING] },
    'a missing room');
  check(!early.sockets.includes('/rtc'), 'the page fell back to /rtc', early.sockets);
  t.step(`missing room: ${refused.error}`);

  await api.createRoom({ name: 'small', maxParticipants: 1, departureTimeout: 2 });
  const alice = await t.joined(focus, 'alice', { room: 'small' });
  const bob = await t.page('bob');
  const { refused: full } = await bob.join(focus, { room: 'small', mayFail: true });
  check(full, 'a full room let bob in');
  // Upstream's validate does not look who is there; a page is told that the WebSocket failed, and no more.
  equal(full.reason, WEBSOCKET, 'the reason that the page is told');
  equal(await answers(focus, 'bob', 'small'), { validate: [200, 'success'], upgrade: [503, 'room is full'] },
    'a full room');
  equal((await alice.state()).others.length, 0, 'participants alice sees');
  t.step('a full room stays full');

  await alice.call('leave');
  await until('the empty room is gone', async () => (await api.listRooms()).length === 0, {
    timeoutMs: 8000, everyMs: 200,
  });
  t.step('the room ends after its departure timeout');
}
