// Users of other homeservers: how those are found, believed and kept from reaching into our network.
import { atLeast, atMost, check, equal } from '../lib/expect.mjs';
import { OpenIdServer, getToken, post, sfuGet } from '../lib/openid-server.mjs';

export const about = 'OpenID over federation: certificates, lies, addresses that are off limits, restricted users';
export const timeoutSeconds = 60;

const OFF_LIMITS_MS = 3000;  // generous: a refusal is a matter of milliseconds

function config(federation, access = {}) {
  return { access: { full_access_homeservers: ['*'], ...access }, federation };
}

const open = (server) => ({ allow_networks: ['127.0.0.0/8'], ca_file: server.caFile });

export async function run(t) {
  const server = await OpenIdServer.start();
  await closedByDefault(t, server);
  await certificates(t, server);
  const focus = await t.focus({ config: config(open(server)) });
  await lies(t, server, focus);
  await secrets(t, server, focus);
  await restricted(t, server);
}

async function closedByDefault(t, server) {
  const focus = await t.focus({ config: config({}) });
  const { port } = server;
  for (const name of [server.name, `localhost:${port}`, `[::1]:${port}`, `[::ffff:127.0.0.1]:${port}`,
    `[64:ff9b::7f00:1]:${port}`, `0.0.0.0:${port}`, `127.1:${port}`, '169.254.169.254', 'a b', '']) {
    const started = Date.now();
    const answer = await post(focus, '/sfu/get', sfuGet({ ...server.openId('alice'), matrix_server_name: name }));
    equal(answer.status, name ? 401 : 400, `a token for a user of "${name}" (${answer.text})`);
    atMost(Date.now() - started, OFF_LIMITS_MS, `ms to refuse "${name}"`);
  }
  equal(server.connections, 0, 'connections to this machine');
  t.step('nothing of this machine was connected to');
}

async function certificates(t, server) {
  const ask = async (federation) => {
    const focus = await t.focus({ config: config(federation) });
    return (await post(focus, '/sfu/get', sfuGet(server.openId('alice')))).status;
  };
  equal(await ask({ allow_networks: ['127.0.0.0/8'] }), 401, 'status with an unknown certificate');
  equal(server.lookups.length, 0, 'tokens given to a server that nobody vouches for');
  equal(await ask(open(server)), 200, 'status with a known certificate');
  equal(await ask({ allow_networks: ['127.0.0.0/8'], insecure_skip_verify_tls: true }), 200, 'status without checks');
  equal(server.lookups.at(-1).host, server.name, 'Host of the look-up');
  t.step('certificates are checked unless told otherwise');
}

async function lies(t, server, focus) {
  const told = [
    ['a user of another server', { sub: '@ceo:victim.example' }], ['no user id', { sub: 'ceo' }],
    ['a number', { sub: 5 }], ['an empty object', {}],
    ['a name with a second colon', { sub: `@a:evil:${server.name}` }],
  ];
  for (const [what, answer] of told) {
    server.lie = (_, response) => response.end(JSON.stringify(answer));
    equal((await post(focus, '/sfu/get', sfuGet(server.openId('alice')))).errcode, 'M_UNAUTHORIZED', what);
  }
  server.lie = (_, response) => { for (let i = 0; i < 64; i += 1) response.write('x'.repeat(16384)); response.end(); };
  equal((await post(focus, '/sfu/get', sfuGet(server.openId('alice')))).status, 401, 'a megabyte');
  server.lie = (_, response) => response.socket.destroy();
  equal((await post(focus, '/sfu/get', sfuGet(server.openId('alice')))).status, 401, 'a cut connection');
  server.lie = null;
  const fresh = await t.focus({ config: config(open(server)) });
  const claimed = await post(fresh, '/get_token', getToken(server.openId('alice'), `@bob:${server.name}`));
  equal([claimed.status, claimed.errcode], [401, 'M_UNAUTHORIZED'], "bob's name with alice's proof");
  const before = server.connections;
  for (let i = 0; i < 20; i += 1) {
    const answer = await post(fresh, '/get_token', getToken(server.openId('alice'), `@alice:${server.name}`));
    equal(answer.status, 200, `alice herself (${answer.text})`);
  }
  atMost(server.connections - before, 1, 'connections for twenty look-ups');
  t.step('lies and broken answers give nobody a token');
}

async function secrets(t, server, focus) {
  server.lie = null;
  for (const body of [sfuGet(server.openId('canary')), '{"openid_token":{"access_token":"token-of-canary"']) {
    await post(focus, '/sfu/get', body);
  }
  check(!focus.tail(4000).includes('canary'), 'an OpenID token is in the log', focus.tail(20));
  t.step('no token in the log, at debug level');
}

async function restricted(t, server) {
  const focus = await t.focus({
    config: {
      ...config(open(server), { full_access_homeservers: ['trusted.example.com'] }),
      room: { auto_create: false },
    },
  });
  const answer = await post(focus, '/sfu/get', sfuGet(server.openId('alice')));
  equal(answer.status, 200, `a restricted user's token (${answer.text})`);
  const claims = JSON.parse(Buffer.from(answer.jwt.split('.')[1], 'base64url'));
  equal([claims.video.canPublish, claims.video.canSubscribe], [false, true], 'what it permits');
  const validate = await fetch(`${focus.httpUrl}/rtc/validate?access_token=${answer.jwt}`);
  equal(validate.status, 404, 'a room that nobody opened');
  check((await validate.text()).includes('requested room does not exist'), 'the text clients look for');
  equal(validate.headers.get('access-control-allow-origin'), '*', 'CORS of the refusal');
  const lookups = server.lookups.length;
  const delay = { delay_id: 'd', delay_timeout: 1000 };
  const delegating = await post(focus, '/sfu/get', sfuGet(server.openId('alice'), delay));
  equal([delegating.status, delegating.errcode], [400, 'M_BAD_JSON'], 'a restricted user who delegates');
  atLeast(server.lookups.length, lookups + 1, 'look-ups of it');
  t.step('restricted users may watch, where somebody else opened the room');

  const generous = await t.focus({
    config: {
      ...config(open(server), { full_access_homeservers: ['trusted.example.com'], room_creation: 'open' }),
      room: { auto_create: false },
    },
  });
  const opening = await post(generous, '/sfu/get', sfuGet(server.openId('alice')));
  const opened = await fetch(`${generous.httpUrl}/rtc/validate?access_token=${opening.jwt}`);
  equal(opened.status, 200, 'with room_creation: open, a room that a restricted user opened');
  t.step('unless the operator lets everybody open rooms');
}
