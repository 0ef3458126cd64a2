// The HTTP face of LiveKit's signalling: statuses, bodies and CORS that SDKs and probes rely on.
import zlib from 'node:zlib';
import { WrappedJoinRequest, WrappedJoinRequest_Compression as Compression } from '@livekit/protocol';
import { refusedUpgrade } from '../lib/bare-client.mjs';
import { check, equal } from '../lib/expect.mjs';

export const about = 'HTTP: CORS, HEAD /, /rtc without upgrade; validate and upgrade with bad tokens and join requests';
export const timeoutSeconds = 30;

const origin = 'https://call.example.org';

export async function run(t) {
  const focus = await t.focus();
  const ask = (path, options = {}) => fetch(focus.httpUrl + path, {
    ...options, headers: { origin, ...options.headers },
  });

  await probes(ask);
  t.step('health probes answer');
  await corsPreflight(ask);
  t.step('CORS preflight allows any origin, method and header');
  await validate(ask, focus);
  t.step('validate tells good tokens from bad ones, and the upgrade says the same');
  await joinRequests(ask, focus);
  t.step('a join request that is missing or broken is told so');
  equal((await ask('/no/such/path')).status, 404, 'status of an unknown path');
  const { status, text } = await refusedUpgrade(focus, '/no/such/path');
  equal([status, text], [404, '404 page not found'], 'the upgrade of an unknown path');
}

async function probes(ask) {
  const root = await ask('/');
  equal([root.status, await root.text()], [200, 'OK'], 'GET /');
  equal((await ask('/', { method: 'HEAD' })).status, 200, 'HEAD /');
  equal((await ask('/healthz')).status, 200, 'GET /healthz');
  for (const path of ['/rtc', '/rtc/v1']) {
    equal((await ask(path)).status, 404, `GET ${path} without upgrade`);
  }
}

async function corsPreflight(ask) {
  const response = await ask('/rtc/validate', {
    method: 'OPTIONS',
    headers: {
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization,x-anything',
    },
  });
  check([200, 204].includes(response.status), 'preflight status', response.status);
  const header = (name) => response.headers.get(`access-control-${name}`) ?? '';
  check(['*', origin].includes(header('allow-origin')), 'allow-origin', header('allow-origin'));
  check(/x-anything|\*/i.test(header('allow-headers')), 'allow-headers', header('allow-headers'));
  check(/GET|\*/.test(header('allow-methods')), 'allow-methods', header('allow-methods'));
  equal(header('max-age'), '86400', 'max-age');
}

const pathOf = (path, query) => `${path}?${new URLSearchParams(query)}`;

// validate and the upgrade make the same checks, and a page may read the answer of the first.
async function refused(ask, focus, path, query, [status, text], what, headers = {}) {
  const no = await ask(pathOf(`${path}/validate`, query), { headers });
  equal([no.status, await no.text()], [status, text], `${path}/validate with ${what}`);
  equal(no.headers.get('access-control-allow-origin'), '*', `CORS of ${path}/validate with ${what}`);
  const upgrade = await refusedUpgrade(focus, pathOf(path, query), { headers });
  equal([upgrade.status, upgrade.text], [status, text], `the upgrade of ${path} with ${what}`);
}

async function validate(ask, focus) {
  const good = focus.token('alice', 'room');
  const inPast = { nbf: 1000, exp: 2000 };
  const inFuture = { nbf: Math.floor(Date.now() / 1000) + 3600 };
  const invalid = [401, 'invalid authorization token'];
  const denied = [401, 'permissions denied'];
  const badHeader = [401, 'invalid authorization header. Must start with Bearer '];
  const rows = [
    ['no token', undefined, denied],
    ['not a token', 'rubbish', invalid],
    ['a wrong signature', focus.token('alice', 'room', { secret: 'x'.repeat(32) }), invalid],
    ['no signature', focus.token('alice', 'room', { alg: 'none' }), invalid],
    ['an unknown key', focus.token('alice', 'room', { claims: { iss: 'nobody' } }), [401, 'invalid API key']],
    ['an expired token', focus.token('alice', 'room', { claims: inPast }),
      [401, 'invalid authorization token: it has expired']],
    ['a token of tomorrow', focus.token('alice', 'room', { claims: inFuture }),
      [401, 'invalid authorization token: it is not valid yet']],
    ['no roomJoin', focus.token('alice', 'room', { video: { roomJoin: false } }), denied],
    ['no room', focus.token('alice', ''), denied],
    ['no identity', focus.token('', 'room'), [400, 'identity cannot be empty']],
    ['a long identity', focus.token('x'.repeat(257), 'room'),
      [400, 'participant identity exceeds the length limit']],
  ];
  for (const path of ['/rtc', '/rtc/v1']) {
    // A WrappedJoinRequest with nothing in it, which /rtc/v1 insists on.
    const query = (token) => ({
      ...(token && { access_token: token }), ...(path === '/rtc/v1' && { join_request: 'EgA=' }),
    });
    const yes = await ask(pathOf(`${path}/validate`, query(good)));
    equal([yes.status, await yes.text()], [200, 'success'], `${path} with a good token`);
    const bearer = { authorization: `Bearer ${good}` };
    const inHeader = await ask(pathOf(`${path}/validate`, query()), { headers: bearer });
    equal([inHeader.status, await inHeader.text()], [200, 'success'], `${path} with the token in a header`);
    for (const [what, token, answer] of rows) await refused(ask, focus, path, query(token), answer, what);
    for (const authorization of [good, `Basic ${good}`, `bearer ${good}`, `Bearer${good}`]) {
      const what = `the header ${authorization.replace(good, '…')}`;
      // The header counts, whatever else is there.
      await refused(ask, focus, path, query(good), badHeader, what, { authorization });
    }
  }
}

async function joinRequests(ask, focus) {
  const wrapped = (compression, bytes) => Buffer.from(
    new WrappedJoinRequest({ compression, joinRequest: bytes }).toBinary()).toString('base64url');
  const zeros = (count) => zlib.gzipSync(Buffer.alloc(count));
  const rows = [
    ['missing', undefined, 'join_request is missing'],
    ['empty', '', 'join_request is missing'],
    ['no base64url', '!!!!', 'join_request is no valid base64url'],
    ['no protobuf', 'AAAA', 'join_request is no WrappedJoinRequest'],
    ['no JoinRequest', wrapped(Compression.NONE, Buffer.from([0])), 'join_request is no JoinRequest'],
    ['no gzip', wrapped(Compression.GZIP, Buffer.from('rubbish')), 'join_request is no valid gzip'],
    ['gzip that is cut', wrapped(Compression.GZIP, zeros(100).subarray(0, -9)), 'join_request is no valid gzip'],
    ['more than 1 MiB', wrapped(Compression.GZIP, zeros(1024 * 1024 + 1)), 'join_request is too large'],
    ['of another compression', wrapped(7, Buffer.alloc(0)), 'join_request has an unknown compression'],
  ];
  const token = focus.token('alice', 'room');
  for (const [what, text, reason] of rows) {
    const query = { access_token: token, ...(text !== undefined && { join_request: text }) };
    await refused(ask, focus, '/rtc/v1', query, [400, reason], `a join request that is ${what}`);
    // The older path needs none, but does not take a broken one for none.
    if (text) await refused(ask, focus, '/rtc', query, [400, reason], `a join request that is ${what}`);
  }
}
