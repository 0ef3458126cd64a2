// Element Call probes whether leaves can be delegated. Where they cannot, the answer is a readable 404,
// and nothing else would be safe: an hour of ghosts is what a wrong yes costs. It is the same answer whether the
// focus is told not to, or may and has a homeserver that does not serve delayed events.
import { check, equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';

export const about = 'without delegation, or delayed events, the probe gets 404 with CORS, and tokens still come';
export const timeoutSeconds = 40;

// With what a reverse proxy or a trailing slash in a well-known document puts before it.
const routes = ['/delegate_delayed_leave', '/livekit/jwt//delegate_delayed_leave'];

export async function run(t) {
  const off = await worldWith('off', t, {});
  await offersNothing(off);
  check(!asked(off).length, 'it touched delayed events', asked(off));
  t.step('switched off: 404 with CORS; a token request that delegates gets 400, which clients repeat without');

  if (focusKind !== 'fovea') return;
  const unverified = await worldWith('on', t, { maxDelayMs: 0 });
  await until('the focus has heard that there are no delayed events', () => (
    unverified.focus.tail().includes('delegation is not offered yet: delayed events are off there')));
  await offersNothing(unverified);
  check(asked(unverified).every((r) => r.path.includes('/fovea-probe/')), 'it managed an event', asked(unverified));
  t.step('switched on before a homeserver without delayed events: the same answers');
}

const worldWith = (delegation, t, homeserver) => (
  FakeWorld.start(t, { people: ['alice'], focusConfig: { access: { delegation } }, homeserver }));

const asked = (world) => world.hs.requests.filter((r) => r.path.includes('delayed_events'));

async function offersNothing(world) {
  for (const route of routes) {
    const probe = await world.ask(route, undefined);
    equal([probe.status, probe.errcode], [404, 'M_UNRECOGNIZED'], `the probe at ${route}`);
    equal(probe.headers.get('access-control-allow-origin'), '*', `allowed origin of ${route}`);
  }
  equal((await world.askToken('alice')).status, 200, 'a token');
  const delayed = await world.askToken('alice', { delay_id: 'd', delay_timeout: 3600000 });
  equal([delayed.status, delayed.errcode], [400, 'M_BAD_JSON'], 'a token with a delegation');
}
