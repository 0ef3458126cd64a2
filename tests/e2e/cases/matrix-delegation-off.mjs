// Element Call probes whether leaves can be delegated. Where they cannot, the answer is a readable 404,
// and nothing else would be safe: an hour of ghosts is what a wrong yes costs.
import { check, equal } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'without delegation the probe gets 404 with CORS, and tokens still come';
export const timeoutSeconds = 30;

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice'], focusConfig: { access: { delegation: 'off' } } });
  const probe = await world.ask('/delegate_delayed_leave', undefined);
  equal(probe.status, 404, 'the probe');
  equal(probe.headers.get('access-control-allow-origin'), '*', 'allowed origin of the probe');
  equal((await world.askToken('alice')).status, 200, 'a token');
  const delayed = await world.askToken('alice', { delay_id: 'd', delay_timeout: 3600000 });
  equal([delayed.status, delayed.errcode], [400, 'M_BAD_JSON'], 'a token with a delegation');
  check(!world.hs.requests.some((r) => r.path.includes('delayed_events')), 'it touched delayed events');
  t.step('404 with CORS; a token request that delegates gets 400, which clients repeat without');
}
