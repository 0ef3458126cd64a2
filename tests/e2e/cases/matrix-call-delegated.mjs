// Element Call asks of its own accord whether the focus looks after the end of memberships, and hands it over then.
// Whoever is killed is gone from the room within seconds; without the focus it would take the hour that they set.
import { Chromium } from '../lib/chromium.mjs';
import { ElementCall } from '../lib/element-call.mjs';
import { Skip, atMost, check, equal, until } from '../lib/expect.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { MEMBER } from '../lib/membership.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { freePorts } from '../lib/service.mjs';

export const about = 'Element Call 0.26 delegates its leave unasked; a killed browser is out of the room within 20 s';
export const timeoutSeconds = 180;

const HOUR_MS = 3600000;
const GONE_WITHIN_MS = 20000;

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('the figures are those of Fovea');
  const [port] = await freePorts(1);
  const world = await MatrixWorld.start(t, {
    focusConfig: { access: { delegation: 'on' }, prometheus: { port } },
  });
  world.count = async (name, labels) => (
    (await Metrics.scrape(`http://127.0.0.1:${port}/metrics`)).value(name, labels));
  // The focus was there before Synapse, and asks it every 30 s.
  await until('delegation is offered', async () => (await world.count('fovea_delayed_leave_offered')) === 1, {
    timeoutMs: 40000, everyMs: 500,
  });
  for (const [mode, route] of [['compatibility', '/sfu/get'], ['matrix_2_0', '/get_token']]) {
    await oneCall(t, world, mode, route);
  }
}

async function oneCall(t, world, mode, route) {
  const call = await ElementCall.serve(t, world, { mode });
  const victim = await Chromium.launchToKill();
  const alice = await call.open('alice', `${call.link('alice')}&wait`);
  const bob = await call.open('bob', `${call.link('bob')}&wait`, victim.browser);
  const asked = tokenRequests(bob);
  await call.enter('alice');
  await call.enter('bob');
  await call.everyoneSeesEveryone();
  await until('the focus looks after both', async () => (await world.count('fovea_delayed_leave_jobs')) === 2, {
    describe: () => asked,
  });
  delegates(world, asked, route);
  t.step(`${mode}: both have delegated, bob by ${asked.map((request) => request.path).join(', ')}`);

  const sent = await world.count('fovea_delayed_leaves_total', { result: 'sent' });
  const [mine, theirs] = [await lastWord(world, mode, 'alice'), await lastWord(world, mode, 'bob')];
  const killed = Date.now();
  await victim.kill();
  const leave = await newWord(world, mode, 'bob', theirs);
  const afterMs = Date.now() - killed;
  t.figure(`${mode}: out of the room after the kill, ms`, afterMs);
  atMost(afterMs, GONE_WITHIN_MS, 'ms from the kill to the leave');
  await until('the focus has sent it', async () => (
    (await world.count('fovea_delayed_leaves_total', { result: 'sent' })) === sent + 1));
  if (mode === 'compatibility') equal(leave.content, {}, 'the membership of bob');
  equal((await lastWord(world, mode, 'alice')).event_id, mine.event_id, "alice's membership");
  await alice.seesOthers(0);

  await alice.hangUp();
  await until('nobody is looked after', async () => (await world.count('fovea_delayed_leave_jobs')) === 0);
  await alice.page.context().close();
}

// What this page asks of the token routes from now on.
function tokenRequests({ page }) {
  const asked = [];
  page.on('request', (request) => {
    const { pathname: path } = new URL(request.url());
    if (request.method() !== 'POST' || !/\/(sfu\/get|get_token|delegate_delayed_leave)$/.test(path)) return;
    asked.push({ path, body: JSON.parse(request.postData() ?? 'null') });
  });
  return asked;
}

// First a question without a body, to the homeserver and to us; then the token route again, with the delayed event.
function delegates(world, asked, route) {
  const probe = asked.find(({ path }) => path === '/delegate_delayed_leave');
  check(probe && probe.body === null, 'Element Call never asked whether it may delegate', asked);
  const delegations = asked.filter(({ body }) => body?.delay_id);
  check(delegations.length > 0, 'Element Call has not delegated', asked.map(({ path }) => path));
  const { path, body } = delegations.at(-1);
  equal([path, body.delay_timeout, body.delay_cs_api_url], [route, HOUR_MS, world.synapse.url], 'the delegation');
}

// The latest event of the membership: state, or among the sticky events of the timeline.
async function lastWord(world, mode, name) {
  const { alice, [name]: user } = world.users;
  if (mode === 'compatibility') {
    const state = await alice.state(world.room);
    return state.find((event) => event.type === MEMBER && event.state_key.startsWith(`_${user.id}_`));
  }
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(world.room)}/messages?dir=b&limit=100`;
  const { chunk } = await alice.call('GET', path);
  return chunk.find((event) => event.sender === user.id && event.msc4354_sticky);
}

// Who is dead says nothing more: what comes is the leave.
function newWord(world, mode, name, before) {
  return until(`${name}'s membership ends`, async () => {
    const last = await lastWord(world, mode, name);
    return last.event_id !== before.event_id && last;
  }, { timeoutMs: GONE_WITHIN_MS + 10000, describe: () => before });
}
