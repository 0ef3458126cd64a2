// One Fovea process per case: configuration in a temporary folder, ports picked by the kernel, log
// kept for the failure report, ended with SIGTERM.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectLine, keepSecretsOf } from './canary.mjs';
import { onCleanup } from './cleanup.mjs';
import { Failure, until } from './expect.mjs';
import { API_KEY, API_SECRET, token } from './tokens.mjs';
import { merge, toYaml } from './yaml.mjs';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const LOG_LINES_KEPT = 4000;

export class MissingBinary extends Error {}

// FOVEA_BIN, or the first build that is there.
function findBinary() {
  if (process.env.FOVEA_BIN) return process.env.FOVEA_BIN;
  const builds = ['release', 'dev', 'bench', 'asan-ubsan', 'tsan'];
  return builds.map((b) => path.join(repository, 'build', b, 'fovea')).find(fs.existsSync);
}

export function focusBinary() {
  const found = findBinary();
  if (!found) throw new MissingBinary('no build/*/fovea found: build first or set FOVEA_BIN');
  return found;
}

// Whether this word of a command is the program under test.
export const isFocusBinary = (word) => word === findBinary();

// Whoever signed the certificate: fetch() takes no self-signed one.
function statusOf(url) {
  const { get } = url.startsWith('https') ? https : http;
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
}

// The words before a command that run it in a network namespace. `ip netns exec` gives it mounts of its own,
// so what is laid over /etc there is seen by nobody else.
export function insideOf(netns, etc) {
  const mounts = Object.entries(etc).map(([name, file]) => `mount --bind '${file}' /etc/${name} && `).join('');
  return ['ip', 'netns', 'exec', netns, ...(mounts ? ['sh', '-c', `${mounts}exec "$0" "$@"`] : [])];
}

export class Focus {
  #child;
  #log = [];
  #exited = null;

  // `netns` runs the process in that network namespace; `address` is where it listens then; `etc` are files
  // that it sees in place of those in /etc; `args` are further flags such as --dev.
  static async start({ config = {}, address = '127.0.0.1', netns, etc = {}, args = [] } = {}) {
    const focus = new Focus();
    focus.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-e2e-'));
    const file = path.join(focus.folder, 'config.yaml');
    const defaults = {
      port: 0,
      bind_addresses: [address],
      rtc: { udp_port: 0, node_ip: address, workers: 2 },
      keys: { [API_KEY]: API_SECRET },
      logging: { level: 'debug' },
    };
    const whole = merge(defaults, config);
    keepSecretsOf(whole);
    fs.writeFileSync(file, toYaml(whole), { mode: 0o600 });
    await focus.#launch(['--config', file, ...args], netns && insideOf(netns, etc));
    return focus;
  }

  async #launch(flags, inside = []) {
    // With setpriv the focus dies with the test even if the test is killed outright.
    const guard = fs.existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
    const [command, ...args] = [...inside, ...guard, focusBinary(), 'serve', ...flags];
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.on('error', (error) => this.#note('spawn', error.message));
    this.#child.on('exit', (code, signal) => { this.#exited = signal ?? code; });
    this.stop = onCleanup('focus', () => this.#end());
    const ready = this.#readLines();
    this.ready = await until('the focus says it is ready', () => {
      if (this.#exited !== null) throw new Failure(`the focus ended with ${this.#exited}`);
      return ready.value;
    }, { timeoutMs: 15000, everyMs: 10 }).catch((error) => {
      throw new Failure(`${error.message}\n${this.tail(30)}`);
    });
    // With TLS on its port there is no plain address.
    const [s, address] = this.ready.http ? ['', this.ready.http] : ['s', this.ready.https];
    this.httpUrl = `http${s}://${address}`;
    this.wsUrl = `ws${s}://${address}`;
    await until('/healthz answers 200', async () => (
      (await statusOf(`${this.httpUrl}/healthz`)) === 200), { timeoutMs: 5000, everyMs: 20 });
  }

  #readLines() {
    const ready = { value: null };
    const read = (stream, name) => {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          this.#note(name, line);
          if (name === 'out' && !ready.value && line.startsWith('{"event":"ready"')) {
            ready.value = JSON.parse(line);
          }
        }
      });
    };
    read(this.#child.stdout, 'out');
    read(this.#child.stderr, 'err');
    return ready;
  }

  #note(name, line) {
    this.#log.push(`${name} ${line}`);
    inspectLine(`focus ${name}`, line);
    if (this.#log.length > LOG_LINES_KEPT) this.#log.splice(0, LOG_LINES_KEPT / 2);
    if (process.env.FOVEA_E2E_VERBOSE) console.log(`  [focus ${name}] ${line}`);
  }

  token(identity, room, extra = {}) {
    return token({ identity, room, ...extra });
  }

  get pid() { return this.#child.pid; }
  get exited() { return this.#exited; }

  tail(lines = 60) {
    return this.#log.slice(-lines).map((line) => `  focus: ${line}`).join('\n');
  }

  // A case that ends with a dead focus has failed even if nobody looked.
  assertAlive() {
    if (this.#exited !== null) throw new Failure(`the focus died during the test (${this.#exited})`);
  }

  async #end() {
    if (this.#exited === null) {
      this.#child.kill('SIGTERM');
      await until('the focus has ended', () => this.#exited !== null, { timeoutMs: 5000, everyMs: 20 })
        .catch(() => this.#child.kill('SIGKILL'));
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
