// livekit-server-sdk drives every RoomService method; its WebhookReceiver verifies every webhook.
import { DataPacket_Kind, RoomServiceClient } from 'livekit-server-sdk';
import { atLeast, check, equal, rejects, sleep, until } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';
import { Webhooks } from '../lib/webhooks.mjs';

export const about = 'livekit-server-sdk: every RoomService method, webhooks verified and in order';
export const timeoutSeconds = 90;

const ROOM = 'served';

export async function run(t) {
  const hooks = await Webhooks.listen();
  const focus = await t.focus({ config: hooks.config });
  const api = new RoomServiceClient(focus.httpUrl, API_KEY, API_SECRET);

  await rooms(t, api);
  await refusals(t, focus, api);
  const alice = await NativePeer.join(focus, 'alice', { room: ROOM });
  const bob = await NativePeer.join(focus, 'bob', { room: ROOM });
  const camera = await alice.publishVideo();
  await alice.publishTone();
  await bob.seesMedia('alice', 'camera');
  await participants(t, api, alice, bob);
  await tracks(t, api, alice, bob, camera.sid);
  await data(t, api, alice, bob);
  await notServed(t, api);
  await ending(t, api, hooks, alice, bob);
}

async function rooms(t, api) {
  const made = await api.createRoom({
    name: ROOM, emptyTimeout: 300, departureTimeout: 20, maxParticipants: 7, metadata: 'first',
  });
  check(made.sid.startsWith('RM_'), 'sid of a room', made.sid);
  atLeast(Number(made.creationTime), 1, 'creation time');
  equal([made.name, made.emptyTimeout, made.departureTimeout, made.maxParticipants, made.metadata],
    [ROOM, 300, 20, 7, 'first'], 'the created room');
  const again = await api.createRoom({ name: ROOM });
  equal(again.sid, made.sid, 'sid when the room exists already');
  await api.createRoom({ name: 'other' });
  equal((await api.listRooms()).map((r) => r.name).sort(), ['other', ROOM].sort(), 'listRooms');
  equal((await api.listRooms([ROOM])).map((r) => r.name), [ROOM], 'listRooms by name');
  equal((await api.updateRoomMetadata(ROOM, 'second')).metadata, 'second', 'updateRoomMetadata');
  await api.deleteRoom('other');
  equal((await api.listRooms()).map((r) => r.name), [ROOM], 'listRooms after deleteRoom');
  t.step('createRoom, listRooms, updateRoomMetadata, deleteRoom');
}

async function refusals(t, focus, api) {
  const missing = await rejects(api.getParticipant(ROOM, 'nobody'), 'a participant who is not there');
  equal([missing.status, missing.code], [404, 'not_found'], 'status for an absent participant');
  const post = (headers, method = 'ListRooms') => (
    fetch(`${focus.httpUrl}/twirp/livekit.RoomService/${method}`, {
      method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers },
    }));
  const noToken = await post({});
  equal([noToken.status, (await noToken.json()).code], [401, 'unauthenticated'], 'without a token');
  const user = { authorization: `Bearer ${focus.token('alice', ROOM)}` };
  const noGrant = await post(user);
  check([401, 403].includes(noGrant.status), 'with a participant\'s token', noGrant.status);
  equal((await post(user, 'NoSuchMethod')).status, 404, 'status of an unknown method');
  t.step('refusals carry Twirp codes');
}

async function participants(t, api, alice, bob) {
  const listed = await api.listParticipants(ROOM);
  equal(listed.map((p) => p.identity).sort(), ['alice', 'bob'], 'listParticipants');
  const seen = await api.getParticipant(ROOM, 'alice');
  equal(seen.sid, alice.room.localParticipant.sid, 'getParticipant');
  equal(seen.tracks.length, 2, 'tracks in getParticipant');
  // Counters are batched, so they may lag.
  await until('the room counts two participants and one publisher', async () => {
    const [room] = await api.listRooms([ROOM]);
    return room.numParticipants === 2 && room.numPublishers === 1;
  }, { describe: () => api.listRooms([ROOM]) });

  await api.updateParticipant(ROOM, 'alice', {
    name: 'Alice A.', metadata: 'm', attributes: { hand: 'up' },
  });
  const remote = () => bob.room.remoteParticipants.get('alice');
  await until('bob sees the new name, metadata and attributes', () => (
    remote().name === 'Alice A.' && remote().metadata === 'm' && remote().attributes.hand === 'up'));
  await api.updateRoomMetadata(ROOM, 'third');
  await until('bob sees the metadata of the room', () => bob.room.metadata === 'third');
  t.step('listParticipants, getParticipant, updateParticipant');
}

async function tracks(t, api, alice, bob, sid) {
  const muted = await api.mutePublishedTrack(ROOM, 'alice', sid, true);
  equal([muted.sid, muted.muted], [sid, true], 'mutePublishedTrack');
  await bob.event('trackMuted');
  await alice.event('trackMuted');  // her SDK stops sending
  const refused = await rejects(api.mutePublishedTrack(ROOM, 'alice', sid, false), 'remote unmuting');
  equal(refused.code, 'failed_precondition', 'code for remote unmuting');

  const microphone = (await api.getParticipant(ROOM, 'alice')).tracks.find((x) => x.sid !== sid).sid;
  await api.updateSubscriptions(ROOM, 'bob', [microphone], false);
  await until('bob hears nothing', async () => {
    const before = bob.loud('alice');
    await sleep(1000);
    return bob.loud('alice') === before;
  });
  await api.updateSubscriptions(ROOM, 'bob', [microphone], true);
  const silent = bob.loud('alice');
  await until('bob hears alice again', () => bob.loud('alice') > silent + 10);
  t.step('mutePublishedTrack, updateSubscriptions');
}

async function data(t, api, alice, bob) {
  const bytes = (text) => new TextEncoder().encode(text);
  const { RELIABLE, LOSSY } = DataPacket_Kind;
  await api.sendData(ROOM, bytes('to all'), RELIABLE, { topic: 'news' });
  for (const peer of [alice, bob]) {
    await peer.received('data of the server', (m) => m.text === 'to all' && m.topic === 'news');
  }
  await api.sendData(ROOM, bytes('to bob'), LOSSY, { destinationIdentities: ['bob'] });
  await bob.received('his data', (m) => m.text === 'to bob');
  check(!alice.inbox.some((m) => m.text === 'to bob'), 'alice got data meant for bob');
  t.step('sendData');
}

async function notServed(t, api) {
  for (const method of ['forwardParticipant', 'moveParticipant']) {
    const error = await rejects(api[method](ROOM, 'alice', 'elsewhere'), method);
    check(error.status >= 400 && error.code, `${method} is refused with a Twirp code`, error);
  }
  t.step('forwardParticipant and moveParticipant are refused, as upstream');
}

async function ending(t, api, hooks, alice, bob) {
  await api.removeParticipant(ROOM, 'alice');
  await alice.event('disconnected');
  await bob.event('participantDisconnected', (e) => e.args[0] === 'alice');
  await rejects(api.getParticipant(ROOM, 'alice'), 'a removed participant');
  await api.deleteRoom(ROOM);
  await bob.event('disconnected');
  equal((await api.listRooms()).length, 0, 'rooms at the end');
  t.step('removeParticipant, deleteRoom');

  await hooks.event('room_finished', (e) => e.room.name === ROOM);
  equal(hooks.rejected, [], 'webhooks the SDK could not verify');
  const order = hooks.names('alice').filter((name) => name !== 'track_unpublished');
  equal(order, ['participant_joined', 'track_published', 'track_published', 'participant_left'],
    'webhooks about alice');
  const ids = hooks.events.map((e) => e.id);
  equal(new Set(ids).size, ids.length, 'distinct webhook ids');
  const ofRoom = hooks.events.filter((e) => e.room?.name === ROOM).map((e) => e.event);
  equal([ofRoom.at(0), ofRoom.at(-1)], ['room_started', 'room_finished'], 'first and last webhook');
  t.step(`${hooks.events.length} webhooks verified`);
}
