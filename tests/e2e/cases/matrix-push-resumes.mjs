// A homeserver whose pushes failed waits longer and longer before the next try, with Synapse up to nine minutes. As
// soon as the focus hears from it again it pings it, and what was held back is sent at once.
import { atMost, equal, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'pushes that failed while the homeserver was in trouble come at once when it is back, by a ping';
export const timeoutSeconds = 60;

const SECOND_MS = 10000;  // of the homeserver's back-off: it would try again after twice that

export async function run(t) {
  const world = await FakeWorld.start(t, { homeserver: { push: { secondMs: SECOND_MS } } });
  const { hs } = world;
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, bob]);

  hs.pusher.broken = true;
  hs.faults.add({ kind: 'status', status: 500, path: /\/state/ });
  world.room.kick(world.id('alice'), world.id('bob'));
  await until('a push has failed', () => hs.pusher.recovering);
  const elsewhere = world.newRoom(['dora']);
  const inTrouble = await world.askToken('dora', { room: elsewhere.id });
  equal(inTrouble.status, 403, 'a token while nobody can say who is in the room');
  await sleep(500);
  await world.staysUp([alice, bob], 500);
  t.step('pushes fail and questions are not answered: nobody is put out');

  const pings = hs.pusher.pings;
  const ms = await world.evicts([bob], async () => {
    hs.pusher.broken = false;
    hs.faults.clear();
    await until('a token in the other room', async () => (
      (await world.askToken('dora', { room: elsewhere.id })).status === 200));
  }, { withinMs: SECOND_MS / 2 });
  equal(hs.pusher.pings, pings + 1, 'pings when it was back');
  t.figure('bob out once the homeserver is back, ms', ms);
  atMost(ms, SECOND_MS / 2, 'ms until bob was out');
  await world.staysUp([alice], 300);
}
