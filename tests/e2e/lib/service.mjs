// A process that a case needs besides the focus: started, its output kept for the report, ended by
// its own id.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { inspectLine, keepSecretsOf } from './canary.mjs';
import { onCleanup } from './cleanup.mjs';
import { Failure, until } from './expect.mjs';
import { isFocusBinary } from './focus.mjs';

const LOG_LINES_KEPT = 2000;

// Ports nobody listens on now. For programs that cannot say which port the kernel gave them.
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export class Service {
  #log = [];
  #exited = null;
  #isOurs;  // whatever the case calls it, and whatever runs it

  constructor(name, command, args, { env = {}, cwd, endSignal = 'SIGTERM' } = {}) {
    Object.assign(this, { name, endSignal });
    this.#isOurs = [command, ...args].some(isFocusBinary);
    if (this.#isOurs) keepSecretsOf(env);
    // With setpriv the process dies with the test even if the test is killed outright.
    const guard = fs.existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
    const [program, ...rest] = [...guard, command, ...args];
    this.child = spawn(program, rest, {
      cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.on('error', (error) => this.#note(error.message));
    this.child.on('exit', (code, signal) => { this.#exited = signal ?? code; });
    for (const stream of [this.child.stdout, this.child.stderr]) this.#read(stream);
    this.stop = onCleanup(name, () => this.#end());
  }

  #read(stream) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      lines.forEach((line) => this.#note(line));
    });
    stream.on('end', () => rest && this.#note(rest));
  }

  #note(line) {
    this.#log.push(line);
    if (this.#isOurs) inspectLine(this.name, line);
    if (this.#log.length > LOG_LINES_KEPT) this.#log.splice(0, LOG_LINES_KEPT / 2);
    if (process.env.FOVEA_E2E_VERBOSE) console.log(`  [${this.name}] ${line}`);
  }

  // Waits until `url` answers 200.
  async healthy(url, { timeoutMs = 20000 } = {}) {
    await until(`${this.name} answers at ${url}`, async () => (
      this.#exited !== null || (await fetch(url)).status === 200), { timeoutMs, everyMs: 50 });
    this.assertAlive();
  }

  assertAlive() {
    if (this.#exited !== null) throw new Failure(`${this.name} died (${this.#exited}):\n${this.tail(20)}`);
  }

  tail(lines = 40) {
    return this.#log.slice(-lines).map((line) => `  ${this.name}: ${line}`).join('\n');
  }

  async #end() {
    if (this.#exited !== null) return;
    this.child.kill(this.endSignal);
    await until(`${this.name} has ended`, () => this.#exited !== null, { timeoutMs: 5000, everyMs: 20 })
      .catch(() => this.child.kill('SIGKILL'));
  }
}
