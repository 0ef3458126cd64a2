// A focus whose port is taken ends at once and names the port; who has it is not disturbed.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspectLine } from '../lib/canary.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { atMost, check, equal } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { NativePeer } from '../lib/native.mjs';
import { freePorts } from '../lib/service.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';
import { merge, toYaml } from '../lib/yaml.mjs';

export const about = 'fovea on a port that is taken, HTTP, media or metrics: ends within 5 s and names the port';
export const timeoutSeconds = 60;

const FAILED = 1;

export async function run(t) {
  const first = await t.focus();
  const portOf = (address) => Number(new URL(`x://${address}`).port);
  const http = portOf(first.ready.http);
  const media = Math.min(...first.ready.udp.map(portOf));
  const [free] = await freePorts(1);
  const tcpTaken = `TCP port ${http} on 127.0.0.1 is taken by another process`;
  const udpTaken = `UDP port ${media} is taken by another process`;
  const rows = [
    ['HTTP', { port: http }, tcpTaken],
    ['media', { rtc: { udp_port: media } }, udpTaken],
    ['the second worker', { rtc: { udp_port: `${media - 1}-${media}` } }, udpTaken],
    ['metrics', { port: free, prometheus: { port: http } }, `prometheus.port: ${tcpTaken}`],
  ];
  for (const [what, config, sentence] of rows) {
    endsWith(sentence, await outcomeOf(['serve', '--config', write(config)]), what);
    t.step(`${what}: ${sentence}`);
  }
  endsWith(tcpTaken, await outcomeOf([], {
    LIVEKIT_URL: 'ws://127.0.0.1:1', LIVEKIT_KEY: API_KEY, LIVEKIT_SECRET: API_SECRET,
    LIVEKIT_JWT_BIND: `127.0.0.1:${http}`, LIVEKIT_FULL_ACCESS_HOMESERVERS: '*',
  }), 'the token service beside an SFU');
  t.step('and so for the token service beside an SFU');

  const [alice, bob] = [await NativePeer.join(first, 'alice'), await NativePeer.join(first, 'bob')];
  await alice.publishVideo({ width: 160, height: 90, fps: 10 });
  await bob.seesMedia('alice', 'camera');
  t.step('whoever has the ports has them still');
}

function write(config) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-taken-'));
  onCleanup('configuration', () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'config.yaml');
  fs.writeFileSync(file, toYaml(merge({
    port: 0, bind_addresses: ['127.0.0.1'], rtc: { udp_port: 0, node_ip: '127.0.0.1', workers: 2 },
    keys: { [API_KEY]: API_SECRET },
  }, config)), { mode: 0o600 });
  return file;
}

function outcomeOf(args, env = {}) {
  const started = Date.now();
  return new Promise((resolve) => {
    const options = { timeout: 10_000, env: { ...process.env, ...env } };
    execFile(focusBinary(), args, options, (error, stdout, stderr) => {
      for (const line of (stdout + stderr).split('\n')) inspectLine('a second focus', line);
      resolve({ code: error ? error.code ?? error.signal : 0, ms: Date.now() - started, stdout, stderr });
    });
  });
}

function endsWith(sentence, { code, ms, stdout, stderr }, what) {
  equal(code, FAILED, `exit status, ${what}`);
  atMost(ms, 5000, `ms to the end, ${what}`);
  equal(stderr.trimEnd().split('\n').at(-1), `fovea: ${sentence}`, `last words, ${what}`);
  check(!stdout.includes('"ready"'), `${what}: says that it is ready`, stdout);
}
