// Rooms that are full, missing, or empty for long enough.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, equal, until } from '../lib/expect.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'max_participants, auto_create off, departure timeout';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus({ config: { room: { auto_create: false, departure_timeout: 2 } } });
  const api = new RoomServiceClient(focus.httpUrl, API_KEY, API_SECRET);

  const early = await t.page('early');
  const { refused } = await early.join(focus, { room: 'missing', mayFail: true });
  check(refused, 'joined a room that does not exist');
  check(refused.status === 404 || /does not exist/.test(refused.error), 'reason', refused);
  check(!early.sockets.includes('/rtc'), 'the page fell back to /rtc', early.sockets);
  t.step(`missing room: ${refused.error}`);

  await api.createRoom({ name: 'small', maxParticipants: 1, departureTimeout: 2 });
  const alice = await t.joined(focus, 'alice', { room: 'small' });
  const bob = await t.page('bob');
  check((await bob.join(focus, { room: 'small', mayFail: true })).refused, 'a full room let bob in');
  equal((await alice.state()).others.length, 0, 'participants alice sees');
  t.step('a full room stays full');

  await alice.call('leave');
  await until('the empty room is gone', async () => (await api.listRooms()).length === 0, {
    timeoutMs: 8000, everyMs: 200,
  });
  t.step('the room ends after its departure timeout');
}
