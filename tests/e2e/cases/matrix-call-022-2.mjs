// The newer memberships in an older Element Call. It hands its leave over without asking whether the focus takes it,
// and where it is refused on this route it does not join.
import { ElementCall } from '../lib/element-call.mjs';
import { equal, until } from '../lib/expect.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { freePorts } from '../lib/service.mjs';

export const about = 'Element Call 0.22, mode matrix_2_0: delegates its leave with every token';
export const timeoutSeconds = 150;

export async function run(t) {
  const [port] = await freePorts(1);
  const world = await MatrixWorld.start(t, {
    wellKnown: true, focusConfig: { access: { delegation: 'on' }, prometheus: { port } },
  });
  const count = async (name) => (await Metrics.scrape(`http://127.0.0.1:${port}/metrics`)).value(name);
  await until('delegation is offered', async () => (await count('fovea_delayed_leave_offered')) === 1, {
    timeoutMs: 40000, everyMs: 500,
  });
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
