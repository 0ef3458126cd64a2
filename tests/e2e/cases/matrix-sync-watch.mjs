// For operators who cannot register an application service: the focus reads /sync as an account that is
// in the room, and a kick puts out as a push would. While /sync fails, calls go on.
import { atMost, equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'without an application service: a kick seen by /sync, an outage, the account itself put out';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t, {
    people: ['alice', 'bob', 'carol', 'dave', 'watcher'], bySync: true,
    focusConfig: { access: { unknown_room: 'deny' } },
  });
  await until('the focus reads /sync', () => world.hs.requests.some((r) => r.path.endsWith('/sync')));
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  const carol = await world.enterCall('carol');
  await world.everyoneSeesEveryone([alice, bob, carol]);
  t.step('three people see each other');

  const ms = await world.evicts([carol], () => world.room.kick(world.id('alice'), world.id('carol')));
  t.figure('carol out after the kick, ms', ms);
  atMost(ms, 1500, 'ms until carol was out');
  await world.refusesOldToken(carol, 'carol');
  equal((await world.askToken('carol')).status, 403, 'a new token for carol');

  await world.hs.down();
  await world.staysUp([alice, bob], 3000);
  await world.hs.up();
  t.step('an outage of the homeserver changes nothing');
  const later = await world.evicts(
    [bob], () => world.room.kick(world.id('alice'), world.id('bob')), { withinMs: 10000 });
  t.figure('bob out after a kick that follows an outage, ms', later);

  equal((await world.askToken('dave')).status, 200, 'a token for dave');
  const before = world.hs.requests.length;
  world.room.kick(world.id('alice'), world.id('watcher'));
  await until('the focus asks as an account that left', () => (
    world.hs.requests.slice(before).some((r) => r.path.endsWith('/state') && r.status === 200)));
  world.room.kick(world.id('alice'), world.id('dave'));
  equal((await world.askToken('dave')).status, 403, 'a token for dave, of whose kick the focus cannot know');
  await world.staysUp([alice], 2000);
}
