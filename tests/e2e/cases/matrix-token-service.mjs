// The token service as clients know it: what it accepts, refuses and promises, with statuses and error
// codes. What a request is refused for costs no look-up at the homeserver.
import crypto from 'node:crypto';
import { check, equal } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';

export const about = 'POST /sfu/get and /get_token: validation order, error codes, CORS, claims of the token';
export const timeoutSeconds = 40;

const routes = ['/sfu/get', '/get_token'];

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice', 'bob'] });
  await methods(t, world);
  await malformed(t, world);
  await identities(t, world);
  await tokens(t, world);
  if (focusKind === 'fovea') await beyondTheReference(t, world);
}

function hasCors(answer, what) {
  equal(answer.headers.get('access-control-allow-origin'), '*', `allowed origin of ${what}`);
  equal(answer.headers.get('access-control-allow-methods'), 'POST', `allowed methods of ${what}`);
  check(/content-type/i.test(answer.headers.get('access-control-allow-headers')), `allowed headers of ${what}`);
}

async function methods(t, world) {
  for (const route of routes) {
    const options = await world.ask(route, undefined, { method: 'OPTIONS' });
    equal(options.status, 200, `OPTIONS ${route}`);
    hasCors(options, `OPTIONS ${route}`);
    equal((await world.ask(route, undefined, { method: 'GET' })).status, 405, `GET ${route}`);
  }
  for (const [method, status] of [['GET', 200], ['HEAD', 200], ['POST', 405]]) {
    equal((await world.ask('/healthz', undefined, { method })).status, status, `${method} /healthz`);
  }
  t.step('methods and CORS');
}

async function malformed(t, world) {
  const openid_token = { access_token: 'x', token_type: 'Bearer', matrix_server_name: world.hs.name, expires_in: 1 };
  const legacy = { room: '!r:x', device_id: 'D', openid_token };
  const hashed = {
    room_id: '!r:x', slot_id: 'm.call#ROOM', openid_token,
    member: { id: 'm', claimed_user_id: '@a:x', claimed_device_id: 'D' },
  };
  const broken = ['', 'nonsense', '{"room":', '[]', '{"room": 7, "room_id": 7}'];
  const without = (body, key, inner) => (inner
    ? { ...body, [key]: { ...body[key], [inner]: undefined } } : { ...body, [key]: undefined });
  const incomplete = [
    ['/sfu/get', without(legacy, 'room')], ['/sfu/get', without(legacy, 'openid_token')],
    ['/sfu/get', without(legacy, 'openid_token', 'access_token')],
    ['/sfu/get', without(legacy, 'openid_token', 'matrix_server_name')],
    ['/sfu/get', { ...legacy, delay_id: 'd' }], ['/sfu/get', { ...legacy, delay_timeout: 5000 }],
    ...['room_id', 'slot_id', 'member', 'openid_token'].map((key) => ['/get_token', without(hashed, key)]),
    ...['id', 'claimed_user_id', 'claimed_device_id'].map((key) => ['/get_token', without(hashed, 'member', key)]),
    ['/get_token', { ...hashed, delay_id: 'd' }],
  ];
  for (const route of routes) {
    for (const body of broken) await refused(world, route, body, 400, 'M_NOT_JSON');
  }
  for (const [route, body] of incomplete) await refused(world, route, body, 400, 'M_BAD_JSON');
  equal(world.lookups().length, 0, 'look-ups for requests that were not complete');
  t.step(`${broken.length * 2 + incomplete.length} malformed requests`);
}

async function refused(world, route, body, status, errcode) {
  const what = `${route} ${JSON.stringify(body).slice(0, 300)}`;
  const answer = await world.ask(route, body);
  equal([answer.status, answer.errcode], [status, errcode], what);
  check(answer.error, `no explanation for ${what}`, answer.text);
  hasCors(answer, what);
}

async function identities(t, world) {
  const unknown = { ...world.hs.openIdFor(world.id('alice')), access_token: 'unknown' };
  for (const ask of [world.askToken, world.askHashedToken]) {
    const before = world.lookups().length;
    const answer = await ask.call(world, 'alice', { openId: unknown });
    equal([answer.status, answer.errcode], [401, 'M_UNAUTHORIZED'], 'a token the homeserver does not know');
    equal(world.lookups().length, before + 1, 'look-ups of it');
  }
  const bobs = world.hs.openIdFor(world.id('bob'));
  const claimed = await world.askHashedToken('alice', { openId: bobs });
  equal([claimed.status, claimed.errcode], [401, 'M_UNAUTHORIZED'], "bob's proof, alice's name");
  world.hs.faults.add({ path: /userinfo/, kind: 'status', status: 500, times: 1 });
  equal((await world.askToken('alice')).status, 401, 'a homeserver that fails');
  t.step('identities that are not proven');
}

const hash = (...parts) => (
  crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64').replace(/=+$/, ''));

async function tokens(t, world) {
  const room = hash(world.room.id, 'm.call#ROOM');
  const expected = [
    [await world.askToken('alice', { device: 'PH~NE?>' }), `${world.id('alice')}:PH~NE?>`],
    [await world.askHashedToken('alice', { member: 'm' }), hash(world.id('alice'), 'DEVICE', 'm')],
  ];
  for (const [answer, identity] of expected) {
    equal(answer.status, 200, `a token (${answer.text})`);
    equal(answer.url, world.focus.wsUrl, 'the URL to connect to');
    hasCors(answer, 'an answer with a token');
    const payload = answer.jwt.split('.')[1];
    if (focusKind === 'fovea') check(!/[-_]/.test(payload), 'atob() cannot read the payload', payload);
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    equal([claims.sub, claims.video.room], [identity, room], 'identity and room');
    equal([claims.video.roomJoin, claims.video.canPublish, claims.video.canSubscribe], [true, true, true], 'grants');
    check(!claims.video.roomCreate && !claims.video.roomAdmin, 'grants nobody asked for', claims.video);
    equal(claims.exp - claims.nbf, 3600, 'seconds of validity');
  }
  t.step('identities and rooms as derived, for an hour, and no more rights than a call needs');
}

async function beyondTheReference(t, world) {
  for (const route of ['//sfu/get', '/livekit/jwt/sfu/get', '/livekit/jwt//sfu/get']) {
    const answer = await world.ask(route, {
      room: world.room.id, device_id: 'D', openid_token: world.hs.openIdFor(world.id('alice')), new_field: [1],
    });
    equal(answer.status, 200, `POST ${route} with a field of the future (${answer.text})`);
  }
  for (const route of ['//healthz', '/livekit/jwt/healthz', '/livekit/jwt//healthz']) {
    equal((await world.ask(route, undefined, { method: 'GET' })).status, 200, `GET ${route}`);
  }
  const lie = world.hs.openIdFor('@ceo:victim.test');
  equal((await world.askToken('alice', { openId: lie })).status, 401, 'a homeserver that vouches for others');
  for (const route of routes) {
    const huge = await world.ask(route, `{"room":"${'x'.repeat(1024 * 1024)}"}`);
    equal([huge.status, huge.errcode], [413, 'M_TOO_LARGE'], `more than a mebibyte to ${route}`);
    hasCors(huge, 'what is too large');
  }
  const secret = world.hs.openIdFor(world.id('bob'));
  await world.askToken('bob', { openId: secret });
  check(!world.focus.tail(4000).includes(secret.access_token), 'an OpenID token is in the log');
  check(!world.focus.tail(4000).includes(world.plan.appservice.hs_token), 'the hs_token is in the log');
  t.step('prefixes, unknown fields, foreign identities, long bodies; no secret in the log');
}
