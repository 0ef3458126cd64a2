// How many validated token requests one core carries, with a homeserver that answers at once. The load
// comes from this machine too, so it is processor time that is counted, not the clock. And how soon a
// malformed one is answered, by the clock: a figure for the log.
import fs from 'node:fs';
import http from 'node:http';
import { atLeast, atMost, equal } from '../lib/expect.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { sfuGet } from '../lib/openid-server.mjs';

export const about = 'validated token requests per second of one core; memory afterwards';
export const timeoutSeconds = 60;

const WARM_UP = 500;
const REQUESTS = 6000;
const AT_ONCE = 32;
// A debug build on a busy machine has to pass as well; the release build's figure is in the log.
const LEAST_PER_SECOND = 300;
const MOST_GROWTH_KB = 8192;
const MALFORMED = 1000;
const CLOCK_TICKS = 100;  // of /proc, per second

export async function run(t) {
  const url = await homeserver();
  const focus = await t.focus({
    config: {
      logging: { level: 'info' }, federation: { servers: { 'example.com': url } },
      access: { full_access_homeservers: ['*'], rate_limit: { per_second: 0, burst: 1 } },
      rtc: { workers: 1 },
    },
  });
  await load(focus, WARM_UP);
  const rss = memory(focus.pid);
  const cpu = processorSeconds(focus.pid);
  const started = Date.now();
  await load(focus, REQUESTS);
  const used = processorSeconds(focus.pid) - cpu;
  const perSecond = Math.round(REQUESTS / used);
  t.figure('validated requests per second of one core', perSecond);
  t.figure('requests per second of the clock', Math.round(REQUESTS / ((Date.now() - started) / 1000)));
  t.figure('growth of the resident set, kB', memory(focus.pid) - rss);
  const waits = await refuse(focus, MALFORMED);
  for (const [name, share] of [['p50', 0.5], ['p99', 0.99], ['max', 1]]) {
    t.figure(`malformed request to its 400, ms, ${name}`, waits[Math.ceil(share * MALFORMED) - 1].toFixed(2));
  }
  atLeast(perSecond, LEAST_PER_SECOND, 'validated requests per second of one core');
  atMost(memory(focus.pid) - rss, MOST_GROWTH_KB, 'kB more than before');
}

async function homeserver() {
  const server = http.createServer((request, response) => response.end('{"sub":"@alice:example.com"}'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup('homeserver', () => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

async function load(focus, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const openid = { access_token: 'token', token_type: 'Bearer', matrix_server_name: 'example.com', expires_in: 1 };
  const body = JSON.stringify(sfuGet(openid));
  let left = count;
  const one = () => new Promise((resolve, reject) => {
    const request = http.request(`${focus.httpUrl}/sfu/get`, { agent, method: 'POST' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject).end(body);
  });
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      equal(await one(), 200, 'status under load');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  agent.destroy();
}

// Milliseconds of each, in order.
async function refuse(focus, count) {
  const bodies = ['{"room":', '[]', '{}', '{"room":"!r:x","openid_token":{}}'];
  const waits = [];
  for (let i = 0; i < count; i += 1) {
    const started = performance.now();
    const response = await fetch(`${focus.httpUrl}/sfu/get`, { method: 'POST', body: bodies[i % bodies.length] });
    await response.text();
    waits.push(performance.now() - started);
    equal(response.status, 400, 'status of a malformed request');
  }
  return waits.sort((a, b) => a - b);
}

function processorSeconds(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
