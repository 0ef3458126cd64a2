// The figures of a whole server with real clients; see README.md. Prints a table of what was
// measured and what is wanted, and writes JSON:
//   node first_call.mjs --fanout PROGRAM [--json FILE]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cleanUp } from '../tests/e2e/lib/cleanup.mjs';
import { sleep } from '../tests/e2e/lib/expect.mjs';
import { Focus, focusBinary } from '../tests/e2e/lib/focus.mjs';
import { Figures, quantile, residentKb } from './figures.mjs';

// rtc-node logs every callback unless told that this is no development.
process.env.NODE_ENV ??= 'production';
const { NativePeer } = await import('../tests/e2e/lib/native.mjs');

const STARTS = 10;
const CONNECTS = 21;
const MEMORY_STEPS = [2, 4, 6, 8];  // participants; every step is measured once memory is steady
const STEADY_KB = 200;
const STEADY_SECONDS_MAX = 25;
const quiet = { logging: { level: 'info' } };

const figures = new Figures();
const report = (...row) => figures.report(...row);

// Slope of the straight line through the points with the least squares.
function slope(points) {
  const mean = (pick) => points.reduce((sum, p) => sum + pick(p), 0) / points.length;
  const x = mean((p) => p[0]);
  const y = mean((p) => p[1]);
  const over = points.reduce((sum, p) => sum + (p[0] - x) * (p[1] - y), 0);
  return over / points.reduce((sum, p) => sum + (p[0] - x) ** 2, 0);
}

async function measureStart() {
  const times = [];
  const idle = [];
  for (let i = 0; i < STARTS; i += 1) {
    const started = performance.now();
    const focus = await Focus.start({ config: quiet });
    times.push(Math.round(performance.now() - started));
    idle.push(residentKb(focus.pid));
    await focus.stop();
  }
  const worst = Math.max(...times);
  report('start to /healthz, slowest of ten', worst, 'ms', '≤ 1000', worst <= 1000, { all: times });
  const mb = Number((quantile(idle, 0.5) / 1024).toFixed(1));
  report('resident memory, idle', mb, 'MB', '≤ 40', mb <= 40, { all_kb: idle });
}

async function measureConnect() {
  const focus = await Focus.start({ config: quiet });
  const times = [];
  for (let i = 0; i < CONNECTS; i += 1) {
    const peer = await NativePeer.join(focus, `peer-${i}`, { room: `room-${i}` });
    times.push(Math.round(peer.connectMs));
    await peer.leave();
  }
  await focus.stop();
  const p50 = quantile(times, 0.5);
  report('connect to media connected, p50', p50, 'ms', '≤ 250', p50 <= 250, { all: times });
  report('connect to media connected, p90', quantile(times, 0.9), 'ms', '', null);
}

// Histories and buffers fill while media flows.
async function steadyKb(pid) {
  let last = residentKb(pid);
  for (let waited = 0; waited < STEADY_SECONDS_MAX; waited += 3) {
    await sleep(3000);
    const now = residentKb(pid);
    if (now - last < STEADY_KB) return now;
    last = now;
  }
  return last;
}

async function measureMemory() {
  const focus = await Focus.start({ config: quiet });
  const points = [];
  const peers = [];
  for (const count of MEMORY_STEPS) {
    while (peers.length < count) {
      const peer = await NativePeer.join(focus, `peer-${peers.length}`, { room: 'memory' });
      peers.push(peer);
      await peer.publishVideo();
      await peer.publishTone();
    }
    for (const peer of peers.slice(1)) await peer.seesMedia('peer-0', 'camera', { timeoutMs: 30000 });
    points.push([count, await steadyKb(focus.pid)]);
  }
  for (const peer of peers) await peer.leave();
  await focus.stop();
  const kb = Math.round(slope(points));
  report('resident memory per participant', kb, 'KB', '≤ 300', kb <= 300, { participants_kb: points });
}

function measureForwarding(program) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-bench-'));
  const file = path.join(folder, 'fanout.json');
  execFileSync(program, [`--json=${file}`], { stdio: ['ignore', 2, 2] });
  const fanout = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.rmSync(folder, { recursive: true });
  for (const row of fanout.rows) {
    const what = `burst ${row.burst}, ${row.name}`;
    const nanos = row.cpu_ns_per_packet;
    report(`CPU per forwarded packet, ${what}`, Math.round(nanos.median), 'ns', '', null, nanos);
    if (row.name === 'fovea') continue;
    const times = row.times_fovea;
    const value = Number(times.median.toFixed(2));
    report(`  which is times fovea's`, value, '', '≥ 1', times.median >= 1, { burst: row.burst, ...times });
  }
}

const { values: options } = parseArgs({ options: { fanout: { type: 'string' }, json: { type: 'string' } } });
try {
  console.error(`measuring ${focusBinary()}`);
  await measureStart();
  await measureConnect();
  await measureMemory();
  if (options.fanout) measureForwarding(options.fanout);
  figures.printTable();
  if (options.json) figures.writeJson(options.json);
  process.exitCode = figures.hold ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await cleanUp();
process.exit();
