// What capture.py sees, for a bench in node.
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onCleanup } from '../../tests/e2e/lib/cleanup.mjs';
import { until } from '../../tests/e2e/lib/expect.mjs';

const program = fileURLToPath(new URL('capture.py', import.meta.url));
const portOf = (address) => address.slice(address.lastIndexOf(':') + 1);

export class Capture {
  #child;
  #ready = false;
  #transactions = new Map();
  #asked = new Map();

  static async start({ http, udp }) {
    const self = new Capture();
    self.#child = spawn('python3', [program, portOf(http), ...udp.map(portOf)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    self.#child.on('exit', (code) => { self.ended = code ?? 'a signal'; });
    onCleanup('capture', () => self.#child.stdin.end());
    readline.createInterface({ input: self.#child.stdout }).on('line', (line) => self.#hear(JSON.parse(line)));
    await until('packets can be captured (root?)', () => {
      if (self.ended !== undefined) throw new Error(`capture.py ended with ${self.ended}`);
      return self.#ready;
    }, { timeoutMs: 5000, everyMs: 10 });
    return self;
  }

  #hear({ ready, transaction, at, key, packets }) {
    if (ready) this.#ready = true;
    // The first attempt counts where one was repeated.
    if (transaction && !this.#transactions.has(transaction)) this.#transactions.set(transaction, at * 1000);
    if (key) {
      this.#asked.get(key)(packets.map(([seconds, toMember, first]) => (
        { at: seconds * 1000, toMember, first })));
      this.#asked.delete(key);
    }
  }

  // From now on; milliseconds of the wall clock everywhere.
  watch(key, ends) { this.#child.stdin.write(`watch ${key} ${ends.join(' ')}\n`); }

  // Ends the watch: [{at, toMember, first}], oldest first.
  take(key) {
    return new Promise((resolve) => {
      this.#asked.set(key, resolve);
      this.#child.stdin.write(`take ${key}\n`);
    });
  }

  // When the request with this transaction reached the focus's port.
  transactionAt(id) { return this.#transactions.get(id); }
}
