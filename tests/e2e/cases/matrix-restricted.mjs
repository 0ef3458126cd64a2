// Users of a homeserver that is not in access.full_access_homeservers: found and believed over federation, in the
// room over federation, and at the focus with exactly the rights that a guest has.
import { check, equal, rejects } from '../lib/expect.mjs';
import { FederatedWorld } from '../lib/federated-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { post } from '../lib/openid-server.mjs';
import { merge } from '../lib/yaml.mjs';

export const about = 'a second real homeserver, restricted: watches, publishes only if permitted, opens no rooms';
export const timeoutSeconds = 120;

export async function run(t) {
  const world = await FederatedWorld.start(t, { focusConfig: { room: { auto_create: false } } });
  const [alice, bob] = await Promise.all([
    world.near.synapse.register('alice'), world.far.synapse.register('bob')]);
  const room = await world.roomOf(alice, bob);
  t.step(`${bob.id} joined a room of ${alice.id}`);
  const ask = async (user, more = {}) => post(world.near.focus, '/sfu/get', {
    room, device_id: user.device, openid_token: await user.openId(), ...more,
  });
  const tokenOf = async (user) => {
    const answer = await ask(user);
    equal(answer.status, 200, `a token for ${user.id} (${answer.text})`);
    return answer.jwt;
  };

  // The word of the far homeserver, which the near one confirms by its room.
  const early = await tokenOf(bob);
  const { sub, video } = JSON.parse(atob(early.split('.')[1]));
  equal([sub, video.canPublish, video.canSubscribe], [`${bob.id}:${bob.device}`, false, true], "bob's rights");
  await opensNothing(world.near.focus, early);
  const delegating = await ask(bob, { delay_id: 'd', delay_timeout: 5000 });
  equal([delegating.status, delegating.errcode], [400, 'M_BAD_JSON'], 'delegation of a restricted user');
  t.step('a restricted user gets a token that opens no room');

  const host = await NativePeer.join(world.near.focus, 'alice', { token: await tokenOf(alice) });
  await host.publishVideo();
  const guest = await NativePeer.join(world.near.focus, 'bob', { token: early });
  await guest.seesMedia(host.room.localParticipant.identity, 'camera');
  await rejects(guest.publishVideo(), 'publishing by a restricted user');
  t.step('with the room open they watch, and publish nothing');

  const outside = await world.far.synapse.register('mallory');
  const refused = await ask(outside);
  equal([refused.status, refused.errcode], [403, 'M_FORBIDDEN'], 'somebody of their server who is not in the room');
  await alice.kick(room, bob);
  await guest.event('disconnected');
  equal((await ask(bob)).status, 403, 'a token for the kicked');
  t.step('the room decides about them as about everybody');
  await publishing(t, world, room, alice);
}

async function opensNothing(focus, jwt) {
  const validate = await fetch(`${focus.httpUrl}/rtc/validate?access_token=${jwt}`);
  equal(validate.status, 404, 'a room that nobody opened');
  check((await validate.text()).includes('requested room does not exist'), 'the text that clients look for');
}

// With restricted_can_publish they speak in rooms that others open. The homeserver pushes to the first focus
// only; this one asks it.
async function publishing(t, world, room, alice) {
  const carol = await world.far.synapse.register('carol');
  await alice.invite(room, carol);
  await carol.join(room);
  const focus = await t.focus({
    config: merge(world.near.config, {
      port: 0, access: { public_url: 'ws://second.test', restricted_can_publish: true },
    }),
  });
  const join = async (user) => {
    const answer = await post(focus, '/sfu/get', { room, device_id: user.device, openid_token: await user.openId() });
    equal(answer.status, 200, `a token for ${user.id} (${answer.text})`);
    return answer.jwt;
  };
  const jwt = await join(carol);
  await opensNothing(focus, jwt);
  const host = await NativePeer.join(focus, 'alice', { token: await join(alice) });
  const guest = await NativePeer.join(focus, 'carol', { token: jwt });
  await guest.publishVideo();
  await host.seesMedia(guest.room.localParticipant.identity, 'camera');
  t.step('with restricted_can_publish they are seen, and still open no rooms');
}
