// A token of another homeserver's focus, asked of one's own homeserver: two Synapses, each with a focus that it
// forwards rtc/livekit to. Bob's asks his focus, that has it ask Alice's over federation, and hers asks hers.
import crypto from 'node:crypto';
import { check, equal, rejects } from '../lib/expect.mjs';
import { FederatedWorld } from '../lib/federated-world.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'rtc/livekit/get_token with a server_name: relayed by two real homeservers, checked by both';
export const timeoutSeconds = 120;

const ROUTE = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token';
const hash = (...parts) => (
  crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64').replace(/=+$/, ''));

export async function run(t) {
  const world = await FederatedWorld.start(t, { bothFoci: true });
  const { near, far } = world;
  const [alice, bob, mallory] = await Promise.all([
    near.synapse.register('alice'), far.synapse.register('bob'), far.synapse.register('mallory')]);
  const room = await world.roomOf(alice, bob);
  const body = {
    server_name: near.name, url: near.focus.wsUrl, room_id: room, slot_id: 'm.call#ROOM', member_id: 'm1',
  };

  const { jwt, url } = await bob.call('POST', ROUTE, body);
  const { sub, video } = JSON.parse(atob(jwt.split('.')[1]));
  equal([sub, video.room], [hash(bob.id, 'm1'), hash(room, 'm.call#ROOM')], 'identity and room');
  equal([video.canPublish, video.canSubscribe, url], [false, true, near.focus.wsUrl], 'what it permits, and where');
  const own = await alice.call('POST', ROUTE, { ...body, server_name: undefined, member_id: 'm2' });
  const host = await NativePeer.join(near.focus, 'alice', { token: own.jwt });
  await host.publishVideo();
  const guest = await NativePeer.join(near.focus, 'bob', { token: jwt });
  await guest.seesMedia(hash(alice.id, 'm2'), 'camera');
  t.step("bob watches at alice's focus, by the word of both homeservers");

  const private_ = await bob.createRoom({ encrypted: false });
  const dead = '127.0.0.1:9';
  const refusals = [
    [mallory, body, 403, 'M_FORBIDDEN', 'somebody who is not in the room'],
    [bob, { ...body, room_id: private_ }, 403, 'M_FORBIDDEN', 'a room that the other homeserver is not in'],
    [bob, { ...body, room_id: '!never:was.test' }, 403, 'M_FORBIDDEN', 'a room that nobody is in'],
    [bob, { ...body, url: 'wss://other.test' }, 400, 'M_INVALID_PARAM', 'a focus that is not theirs'],
    [bob, { ...body, server_name: 'no server' }, 400, 'M_INVALID_PARAM', 'a name that is none'],
    [bob, { ...body, server_name: dead }, 502, 'M_UNKNOWN', 'a homeserver that is not there'],
  ];
  for (const [user, asked, status, errcode, what] of refusals) {
    const error = await rejects(user.call('POST', ROUTE, asked), what);
    equal([error.status, error.errcode], [status, errcode], what);
  }
  t.step(`${refusals.length} refusals, each by whom it concerns`);

  await alice.kick(room, bob);
  await guest.event('disconnected');
  const refused = await rejects(bob.call('POST', ROUTE, body), 'a token for the kicked');
  equal([refused.status, refused.errcode], [403, 'M_FORBIDDEN'], 'a token for the kicked');
  check(host.room.isConnected, 'alice is out of the call, too');
  t.step('kicked by alice, bob is out and gets no other');
}
