// Questions to the homeserver leave no faster than one in 20 ms; each has to leave all the same, also where
// nothing else happens that would wake the focus.
import { atMost, equal } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'people who ask an idle focus for tokens, one right after the other, in as many rooms';
export const timeoutSeconds = 90;

export async function run(t) {
  const world = await FakeWorld.start(t);
  const rooms = Array.from({ length: 20 }, () => world.newRoom(['alice', 'bob']));
  await world.hs.pusher.idle();
  let slowest = 0;
  for (const room of rooms) {
    const started = performance.now();
    const { status } = await world.askToken('alice', { room: room.id });
    slowest = Math.max(slowest, Math.round(performance.now() - started));
    equal(status, 200, 'the answer');
  }
  t.figure('slowest of twenty tokens, ms', slowest);
  atMost(slowest, 5000, 'ms until an answer');
}
