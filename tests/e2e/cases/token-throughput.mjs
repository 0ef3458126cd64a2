// How many validated token requests one core carries, with a homeserver that answers at once. The load
// comes from this machine too, so it is processor time that is counted, not the clock. And that they leave no
// memory behind: a round of them fills what is kept for the next, a second one adds next to nothing.
import fs from 'node:fs';
import http from 'node:http';
import { atLeast, atMost, equal } from '../lib/expect.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { sfuGet } from '../lib/openid-server.mjs';

export const about = 'validated token requests per second of one core; memory afterwards';
export const timeoutSeconds = 90;

const REQUESTS = 6000;
const AT_ONCE = 32;
// A debug build on a busy machine has to pass as well; the release build's figure is in the log.
const LEAST_PER_SECOND = 300;
const MOST_GROWTH_KB = 512;  // less than 90 bytes each
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
  await load(focus, REQUESTS);
  const rss = memory(focus.pid);
  const cpu = processorSeconds(focus.pid);
  const started = Date.now();
  await load(focus, REQUESTS);
  const used = processorSeconds(focus.pid) - cpu;
  const perSecond = Math.round(REQUESTS / used);
  t.figure('validated requests per second of one core', perSecond);
  t.figure('requests per second of the clock', Math.round(REQUESTS / ((Date.now() - started) / 1000)));
  const growth = memory(focus.pid) - rss;
  t.figure('growth of the resident set, kB', growth);
  atLeast(perSecond, LEAST_PER_SECOND, 'validated requests per second of one core');
  atMost(growth, MOST_GROWTH_KB, 'kB more after a second round');
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

function processorSeconds(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
