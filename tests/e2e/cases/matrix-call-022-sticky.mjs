// The newer memberships as an older Element Call writes them, in a room without encryption: the focus reads them there.
import { ElementCall } from '../lib/element-call.mjs';
import { delegatingWorld, membersAreOfRecord } from '../lib/element-call-story.mjs';
import { equal } from '../lib/expect.mjs';

export const about = 'Element Call 0.22, matrix_2_0, not encrypted: its sticky memberships are read, and their end';
export const timeoutSeconds = 150;

export async function run(t) {
  const { world, count } = await delegatingWorld(t, { wellKnown: true, encrypted: false });
  const call = await ElementCall.start(t, world, {
    version: '0.22', mode: 'matrix_2_0', wellKnown: world.wellKnown, widget: { perParticipantE2EE: 'false' },
  });
  const alice = await call.enter('alice');
  const bob = await call.enter('bob');
  await call.everyoneSeesEveryone();
  await membersAreOfRecord(t, world, ['alice', 'bob']);
  equal(await count('fovea_delayed_leave_jobs'), 2, 'leaves that the focus looks after');
  await bob.hangUp();
  await alice.seesOthers(0);
  await membersAreOfRecord(t, world, ['alice']);
  t.step('bob hung up: his membership has ended, hers has not');
}
