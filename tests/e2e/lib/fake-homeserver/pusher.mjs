// Pushes events to the application service as Synapse does: one transaction at a time, ids that count
// up, at most 100 events in one. What fails is tried again after 2, 4, ... 512 s, nothing overtakes it,
// and a ping that succeeds ends the wait. On top of that it can misbehave on request.
import { setTimeout as delay } from 'node:timers/promises';

const MOST_EVENTS = 100;
const MOST_BACKOFF = 9;

export class Pusher {
  sent = [];      // {id, events, status, ms} of every attempt
  paused = false;
  broken = false;  // the way to the service is cut: what is sent does not arrive, pings neither
  pings = 0;
  #waiting = [];   // events without a transaction yet
  #unsent = [];    // transactions that failed, oldest first
  #nextId = 1;
  #busy = false;
  #recovery = null;
  #backoff = 1;

  // `secondMs` shrinks the seconds of the back-off, so that a case need not wait for minutes.
  constructor({ url, hs_token: token }, { secondMs = 1000, requestTimeoutMs = 30000 } = {}) {
    Object.assign(this, { url, token, secondMs, requestTimeoutMs });
  }

  get pending() { return this.#waiting.length + this.#unsent.reduce((n, txn) => n + txn.events.length, 0); }
  get recovering() { return this.#recovery !== null; }

  enqueue(event) {
    this.#waiting.push(event);
    this.#run();
  }

  pause() { this.paused = true; }
  resume() {
    this.paused = false;
    this.#run();
  }

  // What waits is forgotten: as if state had come by a way that is not pushed.
  drop() { this.#waiting.length = 0; }

  // A transaction got lost on its way: the next one has a number that does not follow.
  skipNumber() { this.#nextId += 1; }

  async #run() {
    if (this.#busy || this.paused) return;
    this.#busy = true;
    while (this.#waiting.length && !this.paused) {
      const txn = { id: String(this.#nextId), events: this.#waiting.splice(0, MOST_EVENTS) };
      this.#nextId += 1;
      if (this.recovering || this.#unsent.length) this.#unsent.push(txn);
      else if (!(await this.transmit(txn))) {
        this.#unsent.push(txn);
        this.#recoverLater();
      }
    }
    this.#busy = false;
  }

  #recoverLater() {
    const wait = (2 ** this.#backoff) * this.secondMs;
    this.#recovery = setTimeout(() => this.#retry(), wait);
    this.#recovery.unref();
  }

  async #retry() {
    while (this.#unsent.length) {
      if (!(await this.transmit(this.#unsent[0]))) {
        this.#backoff = Math.min(this.#backoff + 1, MOST_BACKOFF);
        this.#recoverLater();
        return;
      }
      this.#unsent.shift();
      this.#backoff = 1;
    }
    this.#recovery = null;
    this.#run();
  }

  // One attempt of a transaction, whatever its turn; true if the service took it.
  async transmit({ id, events, token = this.token }) {
    const started = Date.now();
    const body = JSON.stringify({ events, ephemeral: [], 'de.sorunome.msc2409.ephemeral': [] });
    let status;
    try {
      if (this.broken) throw new Error('cut');
      const response = await fetch(`${this.url}/_matrix/app/v1/transactions/${id}`, {
        method: 'PUT', body, signal: AbortSignal.timeout(this.requestTimeoutMs),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      });
      status = response.status;
      await response.arrayBuffer();
    } catch (error) {
      status = error.cause?.code ?? error.name;
    }
    this.sent.push({ id, events, status, at: started, ms: Date.now() - started });
    return status === 200;
  }

  // The same transaction once more, as after an answer that got lost.
  replay(id) { return this.transmit(this.sent.find((txn) => txn.id === String(id))); }

  // A transaction of its own with these events, out of turn, under a fresh id.
  async inject(events) {
    const id = String(this.#nextId);
    this.#nextId += 1;
    return this.transmit({ id, events });
  }

  async ping(transactionId) {
    this.pings += 1;
    if (this.broken) return 'ECONNREFUSED';
    const response = await fetch(`${this.url}/_matrix/app/v1/ping`, {
      method: 'POST', body: JSON.stringify({ transaction_id: transactionId }),
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(this.requestTimeoutMs),
    });
    if (response.status === 200 && this.#recovery) {
      clearTimeout(this.#recovery);
      this.#retry();
    }
    return response.status;
  }

  // Until everything so far was delivered.
  async idle({ timeoutMs = 5000 } = {}) {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(5)) {
      if (!this.#busy && !this.pending) return;
    }
    throw new Error(`the pusher still has ${this.pending} events`);
  }

  stop() {
    this.paused = true;
    clearTimeout(this.#recovery);
  }
}
