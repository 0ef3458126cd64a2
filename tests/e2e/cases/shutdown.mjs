// SIGTERM: clients are told, the process ends by itself.
import net from 'node:net';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { sfuGet } from '../lib/openid-server.mjs';
import { Service, freePorts } from '../lib/service.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'SIGTERM: pages notice at once, the process ends with status 0, whoever still waits for it';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  const started = Date.now();
  await ends(focus);
  t.figure('time to end, ms', Date.now() - started);
  await until('alice noticed', async () => (await alice.state()).state !== 'connected', { timeoutMs: 5000 });
  await endsUnderWaitingRequests(t);
  await endsBesideAnSfu(t);
}

// A homeserver that takes connections and never says a word.
async function silentHomeserver() {
  const sockets = [];
  const server = net.createServer((socket) => { socket.on('error', () => {}); sockets.push(socket); });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup('homeserver', () => { sockets.forEach((socket) => socket.destroy()); server.close(); });
  return { port: server.address().port, sockets };
}

async function endsUnderWaitingRequests(t) {
  const homeserver = await silentHomeserver();
  const focus = await t.focus({
    config: {
      homeserver: { name: 'hs.test', url: `http://127.0.0.1:${homeserver.port}` },
      access: { full_access_homeservers: ['*'] },
    },
  });
  await tellsWhoWaits(homeserver, focus.httpUrl, 'hs.test', () => ends(focus));
  t.step('requests that wait do not hold up the end, nor crash it');
}

// The same of the token service of another LiveKit server.
async function endsBesideAnSfu(t) {
  const homeserver = await silentHomeserver();
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const service = new Service('token service', focusBinary(), [], {
    env: {
      LIVEKIT_URL: 'ws://127.0.0.1:1', LIVEKIT_KEY: API_KEY, LIVEKIT_SECRET: API_SECRET,
      LIVEKIT_JWT_BIND: `127.0.0.1:${port}`, LIVEKIT_FULL_ACCESS_HOMESERVERS: '*',
      LIVEKIT_INSECURE_SKIP_VERIFY_TLS: 'YES_I_KNOW_WHAT_I_AM_DOING',
    },
  });
  await service.healthy(`${url}/healthz`);
  await tellsWhoWaits(homeserver, url, `127.0.0.1:${homeserver.port}`, async () => {
    await service.stop();
    equal(service.child.exitCode, 0, 'exit status');
  });
  t.step('nor those of a token service beside an SFU');
}

// A token request waits for the homeserver, with others behind it on its connection. When the process
// ends, both token requests are answered as a page can read it.
async function tellsWhoWaits(homeserver, url, serverName, end) {
  const body = JSON.stringify(sfuGet({ access_token: 'a', token_type: 'Bearer', matrix_server_name: serverName }));
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  onCleanup('socket', () => socket.destroy());
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (bytes) => { received += bytes; });
  socket.write(`POST /sfu/get HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST /sfu/get HTTP/1.1\r\nHost: x\r\n\r\n');
  await until('the homeserver is asked', () => homeserver.sockets.length > 0);
  await end();
  const answers = received.split(/(?=HTTP\/1\.1 )/).filter((answer) => answer.includes('M_UNKNOWN'));
  equal(answers.length, 2, `token requests that are told why, of ${received}`);
  for (const answer of answers) {
    check(answer.startsWith('HTTP/1.1 503 '), 'another status', answer);
    check(answer.includes('\r\nAccess-Control-Allow-Origin: *\r\n'), 'no CORS', answer);
    check(answer.includes('\r\nContent-Type: application/json\r\n'), 'no JSON', answer);
  }
}

async function ends(focus) {
  focus.mayEnd = true;
  process.kill(focus.pid, 'SIGTERM');
  await until('the focus has ended', () => focus.exited !== null, { timeoutMs: 5000, everyMs: 20 });
  equal(focus.exited, 0, 'exit status');
}
