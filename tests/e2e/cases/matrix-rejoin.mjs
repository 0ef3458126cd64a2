// Memberships that flap are not people who leave: a client that re-sends its membership within the
// grace period keeps its media, and who was kicked and invited back at once is in.
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'call membership withdrawn and renewed: nobody is put out; kicked and re-joined: back in';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice', 'bob'] });
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, bob]);

  world.withdraw('bob');
  await world.delivered();
  await world.staysUp([alice, bob], 500);
  world.announce('bob');
  await world.delivered();
  await world.staysUp([alice, bob], 1500);
  t.step('a membership withdrawn and renewed changes nothing');

  await world.evicts([bob], () => {
    world.room.kick(world.id('alice'), world.id('bob'));
    world.room.invite(world.id('alice'), world.id('bob'));
    world.room.join(world.id('bob'));
  });
  await world.delivered();
  const back = await world.enterCall('bob');
  await world.staysUp([alice, back], 2000);
  await world.refusesOldToken(bob, 'bob');
  t.step('kicked and joined again in one breath: out, and back with a new token');
}
