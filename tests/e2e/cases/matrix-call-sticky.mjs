// What comes next, in a room without encryption: the sticky memberships of real Element Call, which the focus can read
// only there, from their beginning to the red button.
import { ElementCall } from '../lib/element-call.mjs';
import { membersAreOfRecord } from '../lib/element-call-story.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';

export const about = 'Element Call 0.26, matrix_2_0, not encrypted: the focus reads sticky memberships and their end';
export const timeoutSeconds = 120;

export async function run(t) {
  const world = await MatrixWorld.start(t, { encrypted: false });
  const call = await ElementCall.start(t, world, {
    mode: 'matrix_2_0', widget: { perParticipantE2EE: 'false' },
  });
  const alice = await call.enter('alice');
  const bob = await call.enter('bob');
  await call.everyoneSeesEveryone();
  await membersAreOfRecord(t, world, ['alice', 'bob']);

  await bob.hangUp();
  await alice.seesOthers(0);
  await membersAreOfRecord(t, world, ['alice']);
  t.step('bob hung up: his membership has ended, hers has not');
}
