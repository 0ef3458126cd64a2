// SIGTERM: clients are told, the process ends by itself.
import http from 'node:http';
import net from 'node:net';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { sfuGet } from '../lib/openid-server.mjs';

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
}

// A token request waits for a homeserver that never answers, with another request behind it on its connection.
async function endsUnderWaitingRequests(t) {
  const asked = [];
  const homeserver = http.createServer((request) => asked.push(request.url));
  await new Promise((resolve) => homeserver.listen(0, '127.0.0.1', resolve));
  onCleanup('homeserver', () => { homeserver.closeAllConnections(); homeserver.close(); });
  const { port } = homeserver.address();
  const focus = await t.focus({
    config: {
      homeserver: { name: 'hs.test', url: `http://127.0.0.1:${port}` }, access: { full_access_homeservers: ['*'] },
    },
  });
  const body = JSON.stringify(sfuGet({ access_token: 'a', token_type: 'Bearer', matrix_server_name: 'hs.test' }));
  const { hostname, port: focusPort } = new URL(focus.httpUrl);
  const socket = net.connect(Number(focusPort), hostname);
  onCleanup('socket', () => socket.destroy());
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (bytes) => { received += bytes; });
  socket.write(`POST /sfu/get HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST /sfu/get HTTP/1.1\r\nHost: x\r\n\r\n');
  await until('the homeserver is asked', () => asked.length > 0);
  await ends(focus);
  t.step('requests that wait do not hold up the end, nor crash it');

  // Both token requests, the one that waited and the one behind it, as a page can read it.
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
