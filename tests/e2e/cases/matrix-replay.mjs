// A homeserver sends a transaction again when the answer was lost, and an old event can come late. What
// was true once must not put out who has come back since.
import { equal } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'replayed, reordered and forged transactions put nobody out';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice', 'bob'] });
  const { pusher } = world.hs;
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, bob]);

  let kick;
  await world.evicts([bob], () => { kick = world.room.kick(world.id('alice'), world.id('bob')); });
  await world.delivered();
  const kickTxn = pusher.sent.find((txn) => txn.events.includes(kick)).id;
  world.room.join(world.id('bob'));
  await world.delivered();
  const back = await world.enterCall('bob');
  await world.delivered();
  await world.everyoneSeesEveryone([alice, back]);

  equal(await pusher.replay(kickTxn), true, 'the replayed transaction is taken');
  await world.staysUp([alice, back]);
  t.step('the transaction with the kick, again: nothing happens');

  equal(await pusher.inject([kick]), true, 'the same event in a new transaction is taken');
  await world.staysUp([alice, back], 3000);
  t.step('the kick under a new transaction id, after the join: nothing happens');

  const forged = { id: '99999', events: [{ ...kick, event_id: '$forged' }], token: 'not-the-token' };
  equal(await pusher.transmit(forged), false, 'a forged transaction is taken');
  equal(pusher.sent.at(-1).status, 403, 'status of a forged transaction');
  await world.staysUp([alice, back]);
  t.step('a forged transaction is refused');
}
