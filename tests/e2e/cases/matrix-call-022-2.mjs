// The newer memberships in an older Element Call. It hands its leave over without asking whether the focus takes it,
// and where it is refused on this route it does not join.
import { ElementCall } from '../lib/element-call.mjs';
import { delegatingWorld } from '../lib/element-call-story.mjs';
import { equal } from '../lib/expect.mjs';

export const about = 'Element Call 0.22, mode matrix_2_0: delegates its leave with every token';
export const timeoutSeconds = 150;

export async function run(t) {
  const { world, count } = await delegatingWorld(t, { wellKnown: true });
  const call = await ElementCall.start(t, world, {
    version: '0.22', mode: 'matrix_2_0', wellKnown: world.wellKnown,
  });
  const alice = await call.enter('alice');
  const bob = await call.enter('bob');
  await call.everyoneSeesEveryone();
  equal(await count('fovea_delayed_leave_jobs'), 2, 'leaves that the focus looks after');
  await bob.hangUp();
  await alice.seesOthers(0);
  t.step('bob hung up, alice is alone');
}
