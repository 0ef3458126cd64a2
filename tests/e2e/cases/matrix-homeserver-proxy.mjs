// Tokens asked of the homeserver itself: Synapse authenticates the caller, forwards the request to the
// focus, and the focus asks back who is in the room. No OpenID token takes part.
import crypto from 'node:crypto';
import { Skip, equal, rejects, until } from '../lib/expect.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'rtc/livekit/get_token at Synapse, proxied to the focus: tokens for members, delegated leave';
export const timeoutSeconds = 120;

const ROUTE = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token';
const DELEGATE = ROUTE.replace('get_token', 'delegate_delayed_leave');
const MEMBER = 'org.matrix.msc3401.call.member';
const hash = (...parts) => (
  crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64').replace(/=+$/, ''));

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea has these routes');
  const world = await MatrixWorld.start(t, {
    proxied: true, encrypted: false, hurried: true, focusConfig: { access: { delegation: 'on' } },
  });
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

  await delegates(t, world, peer, { room_id: world.room, slot_id: 'm.call#ROOM', member_id: 'm1' });
  await alice.kick(world.room, bob);
  await refusesTheKicked(t, world, bob, body);
}

// The end of a membership, handed to the focus: it is looked up before anything is promised.
async function delegates(t, world, peer, body) {
  const { alice, bob } = world.users;
  const other = await alice.createRoom({ encrypted: false });
  const schedule = async (user, room, delay) => {
    const path = `${encodeURIComponent(room)}/state/${MEMBER}/_${user.id}_D_m.call?org.matrix.msc4140.delay=${delay}`;
    return (await user.call('PUT', `/_matrix/client/v3/rooms/${path}`, {})).delay_id;
  };
  await until('delegation is offered', async () => {
    const error = await rejects(alice.call('POST', DELEGATE, { ...body, delay_id: 'none' }), 'no such event');
    return error.status === 400 && error.errcode === 'M_INVALID_PARAM';
  }, { timeoutMs: 40000, everyMs: 500 });  // the focus was there first, and asks every 30 s
  const refusals = [
    [await schedule(bob, world.room, 3600000), "somebody else's event"],
    [await schedule(alice, other, 3600000), 'an event of another room'],
    [await schedule(alice, world.room, 3599999), 'a delay below an hour'],
  ];
  for (const [delay_id, what] of refusals) {
    const error = await rejects(alice.call('POST', DELEGATE, { ...body, delay_id }), what);
    equal([error.status, error.errcode], [400, 'M_INVALID_PARAM'], what);
  }
  const kept = await schedule(alice, world.room, 3600000);
  await alice.call('POST', DELEGATE, { ...body, delay_id: kept });
  await peer.leave();
  await until('the homeserver was told to send the leave', async () => (
    await alice.state(world.room)).some((event) => event.type === MEMBER && event.state_key.includes(alice.id)));
  t.step('the leave of who hangs up is sent; what is not theirs, or too soon, is not taken');
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
