// The HTTP face of LiveKit's signalling: statuses, bodies and CORS that SDKs and probes rely on.
import { check, equal } from '../lib/expect.mjs';

export const about = 'HTTP: CORS, HEAD /, /rtc without upgrade, validate with good and bad tokens';
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
  t.step('validate tells good tokens from bad ones');
  equal((await ask('/no/such/path')).status, 404, 'status of an unknown path');
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

async function validate(ask, focus) {
  const good = focus.token('alice', 'room');
  const inPast = { nbf: 1000, exp: 2000 };
  const refused = [
    ['no token', undefined, 401],
    ['not a token', 'rubbish', 401],
    ['a wrong signature', focus.token('alice', 'room', { secret: 'x'.repeat(32) }), 401],
    ['an unknown key', focus.token('alice', 'room', { claims: { iss: 'nobody' } }), 401],
    ['an expired token', focus.token('alice', 'room', { claims: inPast }), 401],
    ['no roomJoin', focus.token('alice', 'room', { video: { roomJoin: false } }), 401],
    ['no identity', focus.token('', 'room'), 400],
  ];
  for (const path of ['/rtc/validate', '/rtc/v1/validate']) {
    // join_request is a WrappedJoinRequest with nothing in it, which /rtc/v1 insists on.
    const query = (token) => `${path}?${new URLSearchParams({
      ...(token && { access_token: token }), ...(path.includes('v1') && { join_request: 'EgA=' }),
    })}`;
    const yes = await ask(query(good));
    equal([yes.status, await yes.text()], [200, 'success'], `${path} with a good token`);
    const bearer = await ask(query(), { headers: { authorization: `Bearer ${good}` } });
    equal(bearer.status, 200, `${path} with the token in a header`);
    for (const [what, token, status] of refused) {
      const no = await ask(query(token));
      equal(no.status, status, `${path} with ${what}`);
      check((await no.text()).length > 0, `${path} with ${what} gives no reason`);
      check(no.headers.get('access-control-allow-origin'), `${path} with ${what}: no CORS header`);
    }
  }
}
