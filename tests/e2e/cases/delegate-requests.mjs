// What the token service of another LiveKit server accepts and refuses, and what that costs.
import { spawnSync } from 'node:child_process';
import { TokenVerifier } from 'livekit-server-sdk';
import { inspectText } from '../lib/canary.mjs';
import { check, equal } from '../lib/expect.mjs';
import { ExternalWorld, KEY, ROUTES, SECRET } from '../lib/external-world.mjs';
import { focusBinary } from '../lib/focus.mjs';

export const about = 'Requests to the token service of another LiveKit server: tokens, refusals, look-ups, CreateRoom';
export const timeoutSeconds = 60;

const TOKEN_ROUTES = ['/sfu/get', '/get_token'];
const DELAY = { delay_id: 'd', delay_timeout: 3600000 };

export async function run(t) {
  const world = await ExternalWorld.start(t);
  const alice = world.hs.user('alice');
  await tokens(t, world, alice);
  await refusals(t, world, alice);
  await strangers(t);
  await unresolvable(t);
  await certificates(t);
  startErrors(t, world);
}

async function tokens(t, world, alice) {
  for (const route of TOKEN_ROUTES) {
    world.sfu.created.length = 0;
    const answer = await world.ask(route, world.body(route, alice));
    equal([answer.status, answer.url], [200, world.livekitUrl], route);
    const claims = await new TokenVerifier(KEY, SECRET).verify(answer.jwt);
    const { room, identity } = world.place(route, alice);
    equal([claims.sub, claims.video.room, claims.video.roomJoin, claims.video.canPublish], [identity, room, true, true],
      `claims by ${route}`);
    const [created, ...more] = world.sfu.created;
    equal([created?.name, created?.emptyTimeout, created?.departureTimeout, created?.maxParticipants, more.length],
      [room, 300, 20, 0, 0], `CreateRoom by ${route}`);
  }
  const delegated = await world.ask(ROUTES[2], world.body(ROUTES[2], alice, DELAY));
  equal([delegated.status, delegated.text], [200, '{}'], 'delegation alone');
  const prefixed = await world.ask('/livekit/jwt//sfu/get', world.body('/sfu/get', alice));
  equal(prefixed.status, 200, 'a prefix and a double slash');
  t.step('tokens');
}

async function refusals(t, world, alice) {
  for (const route of ROUTES) {
    const extra = route === ROUTES[2] ? DELAY : {};
    const good = world.body(route, alice, extra);
    world.hs.lookups.length = 0;
    equal((await world.ask(route, undefined, { method: 'GET' })).status, 405, `GET ${route}`);
    await refused(world, route, 'nonsense', 400, 'M_NOT_JSON');
    await refused(world, route, { ...good, openid_token: undefined }, 400, 'M_BAD_JSON');
    await refused(world, route, { ...good, delay_id: 'd', delay_timeout: undefined }, 400, 'M_BAD_JSON');
    await refused(world, route, { ...good, delay_id: undefined, delay_timeout: 1000 }, 400, 'M_BAD_JSON');
    if (route === ROUTES[2]) {
      await refused(world, route, { ...good, delay_id: undefined, delay_timeout: undefined }, 400, 'M_BAD_JSON');
    }
    equal(world.hs.lookups, [], `look-ups for incomplete requests to ${route}`);
    const unknown = { ...alice, openid: { ...alice.openid, access_token: 'unknown' } };
    await refused(world, route, world.body(route, unknown, extra), 401, 'M_UNAUTHORIZED');
    equal(world.hs.lookups, ['unknown'], `look-ups of ${route}`);
    if (route === '/sfu/get') continue;
    const somebody = { ...alice, id: `@mallory:${world.hs.name}` };
    await refused(world, route, world.body(route, somebody, extra), 401, 'M_UNAUTHORIZED');
  }
  world.quiet('nothing was delegated to anybody who came');
  world.sfu.opensNone = true;
  for (const route of TOKEN_ROUTES) await refused(world, route, world.body(route, alice), 500, 'M_UNKNOWN');
  world.sfu.opensNone = false;
  t.step('refusals');
}

async function refused(world, route, body, status, errcode) {
  const answer = await world.ask(route, body);
  equal([answer.status, answer.errcode], [status, errcode], `${route} ${JSON.stringify(body).slice(0, 200)}`);
}

async function strangers(t) {
  const world = await ExternalWorld.start(t, { fullAccess: false });
  const alice = world.hs.user('alice');
  for (const route of TOKEN_ROUTES) {
    const answer = await world.ask(route, world.body(route, alice));
    equal(answer.status, 200, `${route} of a stranger`);
    const claims = await new TokenVerifier(KEY, SECRET).verify(answer.jwt);
    equal(claims.video.canPublish, true, 'a stranger may publish, as with the reference service');
    await refused(world, route, world.body(route, alice, DELAY), 400, 'M_BAD_JSON');
  }
  await refused(world, ROUTES[2], world.body(ROUTES[2], alice, DELAY), 403, 'M_FORBIDDEN');
  equal(world.sfu.created.length, 0, 'rooms made for strangers');
  equal(world.hs.lookups.length, 5, 'look-ups');
  await world.kill();
  t.step('strangers');
}

async function unresolvable(t) {
  const world = await ExternalWorld.start(t, { csApi: false });
  const alice = world.hs.user('alice');
  for (const route of ROUTES) {
    const started = Date.now();
    await refused(world, route, world.body(route, alice, DELAY), 400, 'M_BAD_JSON');
    check(Date.now() - started < 3000, 'it took too long to find that out', Date.now() - started);
  }
  equal(world.sfu.created.length, 0, 'rooms made for refused requests');
  await world.kill();
  t.step('client API unknown');
}

// Only the reference service's own words switch the checks off.
async function certificates(t) {
  for (const words of ['true', 'yes_i_know_what_i_am_doing', '']) {
    const world = await ExternalWorld.start(t, { env: { LIVEKIT_INSECURE_SKIP_VERIFY_TLS: words } });
    const alice = world.hs.user('alice');
    await refused(world, '/sfu/get', world.body('/sfu/get', alice), 401, 'M_UNAUTHORIZED');
    equal(world.hs.lookups, [], `tokens told to a server without a good certificate, with "${words}"`);
    await world.kill();
  }
  t.step('certificates');
}

function startErrors(t, world) {
  const wrong = [
    { LIVEKIT_FULL_ACCESS_HOMESERVERS: '' }, { LIVEKIT_FULL_ACCESS_HOMESERVERS: '*,a.org' }, { LIVEKIT_KEY: '' },
    { LIVEKIT_URL: 'ftp://x' }, { LIVEKIT_JWT_PORT: '8080' }, { LIVEKIT_REDIS_URL: 'redis://127.0.0.1:9' },
  ];
  for (const change of wrong) {
    const env = { ...process.env, ...world.env, LIVEKIT_JWT_BIND: '127.0.0.1:0', ...change };
    const { status, stdout, stderr } = spawnSync(focusBinary(), [], { env, timeout: 8000, encoding: 'utf8' });
    inspectText(`token service without ${Object.keys(change)}`, stdout + stderr);
    const [name] = Object.keys(change);
    equal(status, 1, `exit code with ${JSON.stringify(change)}`);
    check(stderr.includes(name.replace('_PORT', '')) || stderr.includes(name), `the message names ${name}`, stderr);
  }
  t.step('mistakes in the environment');
}
