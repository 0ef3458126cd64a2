// A real Synapse without an application service: the focus reads /sync as an account that is in the room, before and
// after a pause in which more happens than one answer tells.
import { DisconnectReason } from '@livekit/rtc-node';
import { Skip, atMost, equal, until } from '../lib/expect.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { post } from '../lib/openid-server.mjs';

export const about = 'Synapse without an application service: kicks, bans and re-joins are read by /sync';
export const timeoutSeconds = 90;

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea reads /sync');
  const world = await MatrixWorld.start(t, { people: ['alice', 'bob', 'carol'], bySync: true, hurried: true });
  const { alice, bob, carol } = world.users;
  const ask = async (user) => post(world.focus, '/sfu/get', {
    room: world.room, device_id: user.device, openid_token: await user.openId(),
  });
  const join = async (user) => {
    const answer = await ask(user);
    equal(answer.status, 200, `a token for ${user.localpart} (${answer.text})`);
    return NativePeer.join(world.focus, user.localpart, { token: answer.jwt });
  };
  const peers = { alice: await join(alice), bob: await join(bob), carol: await join(carol) };
  t.step('three people have tokens, and are connected');

  const isOut = async (peer, act) => {
    const started = Date.now();
    await act();
    const { args: [reason] } = await peer.event('disconnected');
    equal(reason, DisconnectReason.PARTICIPANT_REMOVED, 'the reason that the client is told');
    return Date.now() - started;
  };
  const kicked = await isOut(peers.bob, () => alice.kick(world.room, bob));
  t.figure('bob out after the kick, ms', kicked);
  atMost(kicked, 3000, 'ms until bob was out');
  equal((await ask(bob)).status, 403, 'a token for bob');
  await alice.invite(world.room, bob);
  await bob.join(world.room);
  await until('bob may come back', async () => (await ask(bob)).status === 200, { everyMs: 100 });
  const back = await join(bob);
  t.step('kicked and out; invited, joined again and in');

  // More than the fifty events that an answer tells: Synapse then leaves some out and says so.
  await Promise.all(Array.from({ length: 80 }, (_, i) => (
    alice.setState(world.room, 'org.matrix.msc3401.call.member', `_${alice.id}_D${i}_m.call`, {}))));
  const banned = await isOut(peers.carol, () => alice.ban(world.room, carol));
  t.figure('carol out after the ban, ms', banned);
  equal((await ask(carol)).status, 403, 'a token for carol');
  for (const peer of [peers.alice, back]) equal(peer.room.isConnected, true, `${peer.name} is connected`);
  t.step('a ban among eighty other events is not missed');
}
