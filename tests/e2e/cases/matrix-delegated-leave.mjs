// Who delegates the end of their membership to the focus is announced as gone when they are, and not
// before: never connected, gone, or only the socket gone.
import { SimulateScenarioKind } from '@livekit/rtc-node';
import { atLeast, check, equal, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';

export const about = 'delegated leave: restarted while connected, sent when gone or never there; twenty at once';
export const timeoutSeconds = 90;

const AT_ONCE = 20;

export async function run(t) {
  const focusConfig = { access: { delegation: 'on' } };
  const world = await FakeWorld.start(t, { people: ['alice', 'bob', 'carol'], focusConfig });
  await neverConnected(t, world);
  await connectedAndGone(t, world);
  await hashedRoute(t, world);
  if (focusKind === 'fovea') await notLimitedByAddress(t);
}

// Schedules the leave as Element Call does, and delegates it with a token request.
async function delegate(world, name, timeoutMs) {
  const id = world.hs.delayed.schedule(world.id(name), 3600000, {}, () => {});
  const answer = await world.askToken(name, {
    delay_id: id, delay_timeout: timeoutMs, delay_cs_api_url: 'http://never.asked.test',
  });
  equal(answer.status, 200, `the delegation of ${name} (${answer.text})`);
  const acts = (what) => world.hs.delayed.acts(what).filter((act) => act.id === id);
  return { id, answer, restarts: () => acts('restart').length, sent: () => acts('send').length };
}

async function neverConnected(t, world) {
  const started = Date.now();
  const leave = await delegate(world, 'carol', 1000);
  await until("carol's leave is sent", () => leave.sent() === 1, { timeoutMs: 4000 });
  atLeast(Date.now() - started, 900, 'ms until the leave of who never came');
  equal(leave.restarts(), 0, 'restarts for who never came');
  t.step('never connected: sent once the time is over');
}

async function connectedAndGone(t, world) {
  const bob = await world.enterCall('bob', { media: false });
  const leave = await delegate(world, 'bob', 1500);
  await until('a restart at once and more', () => leave.restarts() >= 3, { timeoutMs: 6000 });
  await bob.room.simulateScenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT);
  await bob.event('reconnected', () => true, { timeoutMs: 15000 });
  await sleep(1000);
  equal(leave.sent(), 0, 'leaves sent while only the socket was new');
  const left = Date.now();
  await bob.leave();
  await until("bob's leave is sent", () => leave.sent() === 1, { timeoutMs: 5000 });
  t.figure('leave sent after hanging up, ms', Date.now() - left);
  const restarts = leave.restarts();
  await sleep(2000);
  equal([leave.restarts(), leave.sent()], [restarts, 1], 'restarts and sends afterwards');
  t.step('connected: restarted; a new socket is not a leave; gone: sent once');
}

async function hashedRoute(t, world) {
  const id = world.hs.delayed.schedule(world.id('alice'), 3600000, {}, () => {});
  const options = { route: '/delegate_delayed_leave', delay_id: id, delay_timeout: 1000 };
  const missing = await world.askHashedToken('alice', { ...options, delay_id: undefined });
  equal([missing.status, missing.errcode], [400, 'M_BAD_JSON'], 'a delegation of nothing');
  const answer = await world.askHashedToken('alice', options);
  equal([answer.status, answer.text.trim()], [200, '{}'], 'a delegation of its own');
  await until('the leave is sent', () => world.hs.delayed.acts('send').some((act) => act.id === id), {
    timeoutMs: 4000,
  });
  const asked = world.hs.requests.filter((r) => r.path.includes(`/${encodeURIComponent(id)}/`));
  if (focusKind === 'fovea') {
    check(asked.every((r) => r.appservice && r.user === world.id('alice')), 'not as the application service', asked);
  }
  t.step('/delegate_delayed_leave');
}

// Synapse limits who comes without a token by address, and all calls of a focus come from one.
async function notLimitedByAddress(t) {
  const focusConfig = { access: { delegation: 'on', rate_limit: { burst: 4 * AT_ONCE } } };
  const people = Array.from({ length: AT_ONCE }, (_, i) => `person-${i}`);
  const world = await FakeWorld.start(t, { people, focusConfig, homeserver: { delayedPerSecond: 1 } });
  const restarts = () => world.hs.requests.filter((r) => (
    r.path.endsWith('/restart') && !r.path.includes('/fovea-probe/')));
  await Promise.all(people.map((name) => world.enterCall(name, { media: false })));
  const leaves = await Promise.all(people.map((name) => delegate(world, name, 3600000)));
  await until('every leave is restarted', () => leaves.every((leave) => leave.restarts() > 0), {
    timeoutMs: 10000, describe: () => restarts().map((r) => r.status),
  });
  equal(restarts().map((r) => r.status), people.map(() => 200), 'statuses of the restarts');
  await limitsByAddress(world);
  t.step(`${AT_ONCE} leaves of one focus are restarted at once, where an address has one call a second`);
}

async function limitsByAddress(world) {
  const restart = async () => (
    await fetch(`${world.hs.url}/_matrix/client/unstable/org.matrix.msc4140/delayed_events/x/restart`, {
      method: 'POST', body: '{}',
    })).status;
  equal([await restart(), await restart()], [404, 429], 'two calls without a token');
}
