// What a token says and which URL stands beside it; limits; routes that only the homeserver may use.
import { TokenVerifier } from 'livekit-server-sdk';
import { atLeast, check, equal } from '../lib/expect.mjs';
import { OpenIdServer, getToken, post, sfuGet } from '../lib/openid-server.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'tokens: read by LiveKit SDKs and atob(), URLs behind proxies, rate limit, proxied routes';
export const timeoutSeconds = 40;

const PROXIED = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token';
const FEDERATED = '/_matrix/federation/unstable/io.element.msc4195/rtc/livekit/get_token';

export async function run(t) {
  const server = await OpenIdServer.start();
  const config = {
    access: { full_access_homeservers: ['*'], rate_limit: { per_second: 1000, burst: 1000 } },
    appservice: { hs_token: 'hs-token-of-the-case', as_token: 'as-token-of-the-case' },
    federation: { allow_networks: ['127.0.0.0/8'], ca_file: server.caFile },
  };
  const focus = await t.focus({ config });
  await claims(t, server, focus);
  await urls(t, server, focus);
  await proxied(t, focus);
  await limits(t, server, config);
}

async function claims(t, server, focus) {
  const odd = 'D~?>\u00e9\u{1f431}';
  const answer = await post(focus, '/sfu/get', sfuGet(server.openId('alice'), { device_id: odd }));
  equal(answer.status, 200, `an odd device (${answer.text})`);
  const read = await new TokenVerifier(API_KEY, API_SECRET).verify(answer.jwt);
  equal(read.sub, `@alice:${server.name}:${odd}`, 'the identity that an SDK reads');
  const payload = JSON.parse(atob(answer.jwt.split('.')[1]));
  equal(payload.video, {
    canPublish: true, canSubscribe: true, canUpdateOwnMetadata: true, room: payload.video.room, roomCreate: false,
    roomJoin: true,
  }, 'grants');
  equal(payload.exp - payload.nbf, 3600, 'seconds of validity');
  const joined = await fetch(`${focus.httpUrl}/rtc/validate?access_token=${answer.jwt}`);
  equal(joined.status, 200, 'the token at its own focus');
  t.step('tokens survive atob() and livekit-server-sdk');
}

async function urls(t, server, focus) {
  const { host } = new URL(focus.httpUrl);
  const cases = [
    ['/sfu/get', {}, `ws://${host}`],
    ['//sfu/get', {}, `ws://${host}`],
    ['/livekit/jwt/sfu/get', {}, `ws://${host}/livekit/jwt`],
    ['/sfu/get/', {}, `ws://${host}`],
    ['/sfu/get', { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'rtc.example.com' }, 'wss://rtc.example.com'],
    ['/a/sfu/get', { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'rtc.example.com' }, 'wss://rtc.example.com/a'],
    ['/sfu/get', { 'x-forwarded-host': 'bad host"' }, `ws://${host}`],
  ];
  for (const [route, headers, expected] of cases) {
    const answer = await post(focus, route, sfuGet(server.openId('alice')), { headers });
    equal([answer.status, answer.url], [200, expected], `URL from ${route} ${JSON.stringify(headers)}`);
  }
  t.step('URLs follow the proxy');
}

async function proxied(t, focus) {
  const body = { room_id: '!r:x', slot_id: 'm.call#ROOM', member: { id: 'm', claimed_device_id: 'D' } };
  const auth = { authorization: 'Bearer hs-token-of-the-case' };
  const user = { 'x-matrix-user-identifier': '@alice:example.com' };
  const expected = [
    ['no token', PROXIED, {}, body, 401, 'M_MISSING_TOKEN'],
    ['another token', PROXIED, { authorization: 'Bearer x', ...user }, body, 401, 'M_UNKNOWN_TOKEN'],
    ['nobody', PROXIED, auth, body, 401, 'M_UNAUTHORIZED'],
    ['no user id', PROXIED, { ...auth, 'x-matrix-user-identifier': 'alice' }, body, 400, 'M_INVALID_PARAM'],
    ['no JSON', PROXIED, { ...auth, ...user }, '{', 400, 'M_NOT_JSON'],
    ['no room', PROXIED, { ...auth, ...user }, { slot_id: 's', member_id: 'm' }, 400, 'M_BAD_JSON'],
    ['a user of another server', FEDERATED, { ...auth, 'x-matrix-origin': 'other.example' },
      { ...body, user_id: '@alice:example.com' }, 403, 'M_FORBIDDEN'],
  ];
  for (const [what, route, headers, sent, status, errcode] of expected) {
    const answer = await post(focus, route, sent, { headers });
    equal([answer.status, answer.errcode], [status, errcode], `${what} at ${route} (${answer.text})`);
  }
  // Nobody says who is in the room: see matrix-homeserver-proxy and matrix-federated-tokens for where somebody does.
  const mine = await post(focus, PROXIED, body, { headers: { ...auth, ...user } });
  equal([mine.status, mine.errcode], [502, 'M_UNKNOWN'], `without a homeserver to ask (${mine.text})`);
  const theirs = await post(focus, FEDERATED, { ...body, user_id: '@bob:other.example' },
    { headers: { ...auth, 'x-matrix-origin': 'other.example' } });
  equal([theirs.status, theirs.errcode], [502, 'M_UNKNOWN'], `the same for somebody of elsewhere (${theirs.text})`);
  check(!focus.tail(4000).includes('hs-token-of-the-case'), 'the hs_token is in the log');
  t.step('routes that the homeserver proxies are its own');
}

async function limits(t, server, config) {
  const focus = await t.focus({ config: { ...config, access: { full_access_homeservers: ['*'] } } });
  const answers = await Promise.all(Array.from({ length: 60 }, () => (
    post(focus, '/get_token', getToken(server.openId('alice'), `@alice:${server.name}`)))));
  const limited = answers.filter((a) => a.status === 429);
  atLeast(limited.length, 20, 'requests beyond the burst of thirty');
  equal(answers.filter((a) => a.status === 200).length + limited.length, 60, 'answers of either kind');
  for (const answer of limited) {
    equal(answer.errcode, 'M_LIMIT_EXCEEDED', 'code beyond the limit');
    check(answer.retry_after_ms > 0, 'when to come again', answer.text);
    equal(answer.headers.get('access-control-allow-origin'), '*', 'CORS of the refusal');
  }
  const other = await post(focus, '/get_token', getToken(server.openId('alice'), `@alice:${server.name}`),
    { headers: { 'x-forwarded-for': '203.0.113.7' } });
  equal(other.status, 200, 'somebody else behind the same proxy');
  t.step(`${limited.length} of 60 were told to come later`);
}
