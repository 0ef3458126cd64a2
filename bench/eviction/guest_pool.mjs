// Call members spread over processes of tests/e2e/lib/native-guests.mjs, so that their media work does
// not delay this process, which pushes the transactions.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onCleanup } from '../../tests/e2e/lib/cleanup.mjs';

const program = fileURLToPath(new URL('../../tests/e2e/lib/native-guests.mjs', import.meta.url));
const CALL_TIMEOUT_MS = 20000;

export class GuestPool {
  happened = [];   // {happened, key, at, reason} of disconnects and reconnects, in their order
  #processes = [];
  #calls = new Map();
  #nextCall = 1;
  #waiting = new Map();

  static async start(count) {
    const pool = new GuestPool();
    await Promise.all(Array.from({ length: count }, () => pool.#spawn()));
    return pool;
  }

  #spawn() {
    const child = fork(program, { execArgv: ['--no-warnings'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#processes.push(child);
    onCleanup('guests', () => child.kill('SIGKILL'));
    return new Promise((resolve, reject) => {
      child.on('exit', (code, signal) => reject(new Error(`guests ended with ${code ?? signal}`)));
      child.on('message', (message) => {
        if (message.ready) resolve();
        else if (message.happened) this.#note(message);
        else this.#settle(message);
      });
    });
  }

  #note(message) {
    this.happened.push(message);
    this.#waiting.get(message.key)?.(message);
  }

  #settle({ call, error, answer }) {
    const { resolve, reject } = this.#calls.get(call);
    this.#calls.delete(call);
    if (error) reject(new Error(error));
    else resolve(answer);
  }

  // `place` picks the process: members of one room share it.
  ask(place, verb, details) {
    const call = this.#nextCall;
    this.#nextCall += 1;
    const answered = new Promise((resolve, reject) => { this.#calls.set(call, { resolve, reject }); });
    this.#processes[place % this.#processes.length].send({ verb, call, ...details });
    return within(CALL_TIMEOUT_MS, answered, `${verb} of ${details.key}`);
  }

  // Ask before the deed: the next thing that happens to `key`.
  next(key, timeoutMs) {
    const happened = new Promise((resolve) => { this.#waiting.set(key, resolve); });
    return within(timeoutMs, happened, `${key} to be put out`).finally(() => this.#waiting.delete(key));
  }
}

function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
