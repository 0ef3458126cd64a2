// Kicked in the room means out of the call, now, with every token; the others notice one person less.
import { atMost, equal, sleep } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'a kick in the room ends the media of the kicked within a second, and their tokens';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t);
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  const carol = await world.enterCall('carol');
  await world.everyoneSeesEveryone([alice, bob, carol]);
  t.step('three people see each other');

  const ms = await world.evicts([carol], () => world.room.kick(world.id('alice'), world.id('carol')));
  t.figure('carol out after the kick, ms', ms);
  atMost(ms, 1000, 'ms until carol was out');
  for (const peer of [alice, bob]) {
    await peer.event('participantDisconnected', (e) => e.args[0] === carol.identity);
  }
  await sleep(500);  // What the decoder still held when she left.
  const frames = bob.frames(carol.identity, 'camera');
  await world.staysUp([alice, bob]);
  equal(bob.frames(carol.identity, 'camera'), frames, "frames of carol's at bob's since");

  await world.refusesOldToken(carol, 'carol');
  const again = await world.askToken('carol');
  equal([again.status, again.errcode], [403, 'M_FORBIDDEN'], 'a new token for carol');
  await world.staysUp([alice, bob], 300);
  t.step('no token of hers works, and she gets no other');

  // LiveKit's publish-only side sessions have identities that no homeserver knows.
  const side = await fetch(`${world.focus.httpUrl}/rtc/validate?access_token=${bob.jwt}&publish=side`);
  equal(side.status, 403, 'a side session of bob');
}
