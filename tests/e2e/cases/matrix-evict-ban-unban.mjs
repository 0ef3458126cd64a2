// A ban puts out and keeps out; being unbanned is not being back; joining again is.
import { equal } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'banned: out and no token; unbanned: still none; joined again: back in the call';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice', 'bob'] });
  const [host, guest] = [world.id('alice'), world.id('bob')];
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, bob]);

  const ms = await world.evicts([bob], () => world.room.ban(host, guest));
  t.figure('bob out after the ban, ms', ms);
  equal((await world.askToken('bob')).errcode, 'M_FORBIDDEN', 'a token while banned');

  world.room.unban(host, guest);
  await world.delivered();
  equal((await world.askToken('bob')).errcode, 'M_FORBIDDEN', 'a token after the ban was lifted');
  world.room.invite(host, guest);
  await world.delivered();
  equal((await world.askToken('bob')).errcode, 'M_FORBIDDEN', 'a token when only invited');

  world.room.join(guest);
  await world.delivered();
  const back = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, back]);
  await world.staysUp([alice, back]);
  await world.refusesOldToken(bob, 'bob');
  t.step('bob is back with a new token; the old one stays dead');
}
