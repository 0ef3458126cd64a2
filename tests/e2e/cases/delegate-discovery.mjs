// Delegated leave for users of homeservers whose client API nobody configured: it is where the server's own document
// says, over TLS, without any token of ours, and never at an address that is off limits.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import { keepSecret } from '../lib/canary.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { DnsServer } from '../lib/dns-server.mjs';
import { atLeast, check, equal, until } from '../lib/expect.mjs';
import { KEY, SECRET } from '../lib/external-world.mjs';
import { FakeSfu } from '../lib/fake-sfu.mjs';
import { focusBinary, insideOf } from '../lib/focus.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { namespaces } from '../lib/netns.mjs';
import { Service, freePorts } from '../lib/service.mjs';
import { TestCa } from '../lib/test-ca.mjs';
import { toYaml } from '../lib/yaml.mjs';

export const about = 'delegated leave at the client API that a document names, by TLS, and never at an address inside';
export const timeoutSeconds = 60;
export const needsNamespaces = true;

const INSIDE = '10.99.0.77';  // in reach of the focus, in a private range, and not among those that are allowed
const API_PORT = 8460;
const DELAY_MS = 3600000;

// Who is looked for, and what their documents say of their client APIs.
const BASE_URLS = {
  'far.test': `https://api.far.test:${API_PORT}/behind/a/prefix/`,
  'address.test': `https://${INSIDE}:${API_PORT}`,
  'name.test': `https://inside.test:${API_PORT}`,
  'plain.test': `http://api.far.test:${API_PORT}`,
};

export async function run(t) {
  const here = namespaces();
  execFileSync('ip', ['addr', 'add', `${INSIDE}/32`, 'dev', 'lo']);
  const ca = new TestCa();
  const world = { t, here };
  world.front = await listen(here.clientIp, 443,
    ca.issue(...Object.keys(BASE_URLS), 'redirected.test', 'silent.test'), answerFor);
  world.api = await listen(here.clientIp, API_PORT, ca.issue('api.far.test'), () => [200, {}]);
  world.inside = await listen(INSIDE, API_PORT, ca.issue('inside.test', INSIDE), () => [200, {}]);
  await start(world, ca);
  await foundByDocument(world);
  await offLimits(world);
  await refused(world);
}

// Every homeserver of the case at one address, told apart by the name that is asked for.
function answerFor(request) {
  const { host } = request.headers;
  const url = new URL(request.url, 'https://server');
  if (url.pathname === '/.well-known/matrix/server') return [200, { 'm.server': `${host}:443` }];
  if (url.pathname === '/_matrix/federation/v1/openid/userinfo') {
    return [200, { sub: `@alice:${host}` }];
  }
  if (url.pathname !== '/.well-known/matrix/client') return [404, {}];
  if (host === 'redirected.test') return [302, {}, { location: `https://inside.test:${API_PORT}${url.pathname}` }];
  const base_url = BASE_URLS[host];
  return base_url ? [200, { 'm.homeserver': { base_url } }] : [404, {}];
}

async function listen(address, port, files, answer) {
  const self = { connections: 0, requests: [] };
  const options = { cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) };
  const server = https.createServer(options, (request, response) => {
    const { method, url, headers } = request;
    self.requests.push({ method, url, host: headers.host, authorization: headers.authorization });
    const [status, body, more] = answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(body));
  });
  server.on('connection', () => { self.connections += 1; });
  await new Promise((resolve) => server.listen(port, address, resolve));
  onCleanup('homeserver', () => {
    server.closeAllConnections();
    server.close();
  });
  return self;
}

// As the token service of another LiveKit server, in a namespace of its own.
async function start(world, ca) {
  const { clientIp, serverIp, server } = world.here;
  const host = { A: [clientIp] };
  const dns = await DnsServer.start(clientIp, {
    ...Object.fromEntries([...Object.keys(BASE_URLS), 'redirected.test', 'silent.test'].map((name) => [name, host])),
    'api.far.test': host, 'inside.test': { A: [INSIDE] },
  });
  const [http, metrics] = await freePorts(2);
  world.sfu = await FakeSfu.start({ key: KEY, secret: SECRET, address: clientIp });
  const [command, ...args] = insideOf(server, dns.etcFiles());
  world.service = world.t.watch(new Service('fovea', command, [...args, focusBinary()], { env: {
    LIVEKIT_URL: world.sfu.url,
    LIVEKIT_KEY: KEY,
    LIVEKIT_SECRET: SECRET,
    LIVEKIT_JWT_BIND: `${serverIp}:${http}`,
    LIVEKIT_FULL_ACCESS_HOMESERVERS: '*',
    LIVEKIT_LOG_LEVEL: 'debug',
    LIVEKIT_CONFIG: toYaml({
      bind_addresses: [serverIp],
      prometheus_port: metrics,
      federation: { allow_networks: [`${clientIp}/32`], ca_file: ca.file },
    }),
  } }));
  world.url = `http://${serverIp}:${http}`;
  world.metricsUrl = `http://${serverIp}:${metrics}/metrics`;
  await world.service.healthy(`${world.url}/healthz`);
}

async function delegate({ url }, name, delayId) {
  const token = keepSecret(`openid-token-of-${name}`);
  const response = await fetch(`${url}/sfu/get`, {
    method: 'POST',
    body: JSON.stringify({
      room: '!room:example.com', device_id: 'DEVICE', delay_id: delayId, delay_timeout: DELAY_MS,
      openid_token: { access_token: token, token_type: 'Bearer', matrix_server_name: name, expires_in: 3600 },
    }),
  });
  const answer = { status: response.status, ...(await response.json()) };
  if (!answer.jwt) return answer;
  const { sub: identity, video: { room } } = JSON.parse(Buffer.from(answer.jwt.split('.')[1], 'base64url'));
  return { ...answer, place: { room, identity } };
}

async function tell(world, event, place, more) {
  equal(await world.sfu.tell(world.url, event, place, more), 200, `answer to ${event}`);
}

async function foundByDocument(world) {
  const { t, api, front } = world;
  const { status, error, place } = await delegate(world, 'far.test', 'leave/1');
  equal(status, 200, `a delegation (${error})`);
  await tell(world, 'participant_joined', place);
  await until('the leave is restarted', () => api.requests.length === 1);
  await tell(world, 'participant_left', place, { disconnectReason: 'CLIENT_INITIATED' });
  await until('the leave is sent', () => api.requests.length === 2);
  const path = '/behind/a/prefix/_matrix/client/unstable/org.matrix.msc4140/delayed_events/leave%2F1';
  for (const [index, action] of ['restart', 'send'].entries()) {
    equal(api.requests[index], {
      method: 'POST', url: `${path}/${action}`, host: `api.far.test:${API_PORT}`, authorization: undefined,
    }, `the call to ${action}`);
  }
  const again = await delegate(world, 'far.test', 'leave/2');
  equal(again.status, 200, `a second delegation (${again.error})`);
  equal(documents(front, 'far.test'), 1, 'times that the document was asked for');
  await tell(world, 'participant_connection_aborted', again.place, { disconnectReason: 'JOIN_FAILURE' });
  t.step('found by the document: restarted and sent there, without credentials');
}

const documents = ({ requests }, name) => (
  requests.filter(({ host, url }) => host === name && url === '/.well-known/matrix/client').length);

// The document is the word of a stranger: it must not make us knock at doors inside.
async function offLimits(world) {
  const { t, inside, here } = world;
  // That nobody came proves something only where one could come.
  execFileSync('ip', ['netns', 'exec', here.server, 'bash', '-c', `exec 3<>/dev/tcp/${INSIDE}/${API_PORT}`]);
  await until('the way inside is open', () => inside.connections === 1);
  for (const name of ['address.test', 'name.test']) {
    const before = await failedCalls(world);
    const { status, error, place } = await delegate(world, name, `leave of ${name}`);
    equal(status, 200, `a delegation by ${name} (${error})`);
    await tell(world, 'participant_joined', place);
    await until('a call has failed', async () => (await failedCalls(world)) > before);
    await tell(world, 'participant_left', place, { disconnectReason: 'CLIENT_INITIATED' });
    await until('another has failed', async () => (await failedCalls(world)) > before + 1);
  }
  equal([inside.connections, inside.requests.length], [1, 0], 'connections inside, and requests');
  t.step('base URLs that lead inside: nobody came');
}

const failedCalls = async ({ metricsUrl }) => (
  (await Metrics.scrape(metricsUrl)).value('fovea_delayed_leave_failed_calls_total'));

async function refused(world) {
  const { t, inside, front, api } = world;
  const { connections } = api;
  for (const [name, what] of [['redirected.test', 'a document that leads inside'],
    ['plain.test', 'a base URL without TLS'], ['silent.test', 'no document']]) {
    const { status, errcode } = await delegate(world, name, 'leave');
    equal([status, errcode], [400, 'M_BAD_JSON'], what);
    atLeast(documents(front, name), 1, `times that the document of ${name} was asked for`);
  }
  equal([inside.connections, api.connections], [1, connections], 'connections inside, and without TLS');
  check(!world.service.tail(2000).includes(INSIDE), 'the address inside is in the log', world.service.tail(20));
  t.step('no document, one that leads inside, and one without TLS: refused');
}
