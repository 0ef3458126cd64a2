// Tokens asked of the homeserver itself: Synapse authenticates the caller, forwards the request to the
// focus, and the focus asks back who is in the room. No OpenID token takes part.
import crypto from 'node:crypto';
import { Skip, equal, rejects, until } from '../lib/expect.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'rtc/livekit/get_token at Synapse, proxied to the focus: joined yes, others no';
export const timeoutSeconds = 60;

const ROUTE = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token';
const hash = (...parts) => (
  crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64').replace(/=+$/, ''));

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea has these routes');
  const world = await MatrixWorld.start(t, { proxied: true, encrypted: false });
  const stranger = await world.synapse.register('mallory');
  const { alice, bob } = world.users;
  const body = { url: world.focus.wsUrl, room_id: world.room, slot_id: 'm.call#ROOM', member_id: 'm1' };

  const { jwt } = await alice.call('POST', ROUTE, body);
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
  equal(claims.sub, hash(alice.id, 'm1'), 'the identity');
  equal(claims.video.room, hash(world.room, 'm.call#ROOM'), 'the room');
  const peer = await NativePeer.join(world.focus, 'alice', { url: world.focus.wsUrl, token: jwt });
  equal(peer.room.localParticipant.identity, claims.sub, 'the identity in the room');
  t.step('a member of the room gets a token, and it opens the room');

  // The form that matrix-js-sdk 43 sends.
  const { member_id: id, ...rest } = body;
  await bob.call('POST', ROUTE, { ...rest, member: { id, claimed_device_id: 'D' } });

  const refusals = [
    [stranger, body, 403, 'M_FORBIDDEN', 'somebody who is not in the room'],
    [alice, { ...body, url: 'wss://other.test' }, 400, 'M_INVALID_PARAM', "another focus's URL"],
    [alice, { ...body, room_id: undefined }, 400, 'M_BAD_JSON', 'no room'],
  ];
  for (const [user, wrong, status, errcode, what] of refusals) {
    const error = await rejects(user.call('POST', ROUTE, wrong), what);
    equal([error.status, error.errcode], [status, errcode], what);
  }
  const direct = async (headers) => {
    const response = await fetch(`${world.serviceUrl}${ROUTE}`, {
      method: 'POST', headers, body: JSON.stringify(body),
    });
    return [response.status, (await response.json()).errcode];
  };
  const claim = { 'x-matrix-user-identifier': alice.id };
  equal(await direct(claim), [401, 'M_MISSING_TOKEN'], 'a caller that is not the homeserver');
  equal(await direct({ ...claim, authorization: 'Bearer x' }), [401, 'M_UNKNOWN_TOKEN'], 'a wrong hs_token');
  t.step('strangers, other URLs and whoever is not the homeserver are refused');

  await alice.kick(world.room, bob);
  await refusesTheKicked(t, world, bob, body);
}

// The homeserver answers a kick before it pushes it. A token of these milliseconds is good for nothing.
async function refusesTheKicked(t, world, bob, body) {
  const early = [];
  const refusal = await until('the kicked gets no token', async () => {
    try {
      early.push((await bob.call('POST', ROUTE, body)).jwt);
      return undefined;
    } catch (error) {
      return error;
    }
  }, { timeoutMs: 2000, everyMs: 20 });
  equal(refusal.status, 403, 'status for the kicked');
  for (const jwt of early) {
    const answer = await fetch(`${world.serviceUrl}/rtc/validate?access_token=${jwt}`);
    equal(answer.status, 401, 'status of /rtc/validate with a token from before the push');
  }
  t.step('the kicked is refused', `tokens from before the push, refused too = ${early.length}`);
}
