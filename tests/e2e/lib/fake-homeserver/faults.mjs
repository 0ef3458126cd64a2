// What a homeserver does to its callers on a bad day, one request at a time.
import { setTimeout as delay } from 'node:timers/promises';

// `kind` is one of
//   status    answers `status` with `body`; 429 also with retry_after_ms and Retry-After
//   slow      answers as usual, after `ms`
//   hang      takes the request and never answers
//   reset     closes the connection
//   drip      answers as usual, a byte each `ms`
//   truncate  half of the answer, then the connection closes
//   garbage   200 with something that is not JSON
//   huge      200 with `bytes` of JSON
export class Faults {
  #active = [];

  // Applies to paths that match `path`, `times` requests long. Returns a function that ends it.
  add({ path = /./, times = Infinity, ...fault }) {
    const entry = { path, times, ...fault };
    this.#active.push(entry);
    return () => { this.#active = this.#active.filter((other) => other !== entry); };
  }

  clear() { this.#active = []; }

  take(path) {
    const entry = this.#active.find((fault) => fault.path.test(path));
    if (!entry) return null;
    entry.times -= 1;
    if (entry.times <= 0) this.#active = this.#active.filter((other) => other !== entry);
    return entry;
  }
}

const headersOf = (length) => ({ 'content-type': 'application/json', 'content-length': length });

// Sends `status` and `text` the way the fault wants; true if the fault has dealt with the request.
export async function answerWithFault(fault, response, status, text) {
  const body = Buffer.from(text);
  switch (fault.kind) {
    case 'hang': return true;
    case 'reset': response.socket.resetAndDestroy(); return true;
    case 'slow': await delay(fault.ms); return false;
    case 'garbage': response.writeHead(200, headersOf(9)).end('<html>502'); return true;
    case 'huge': {
      const filler = JSON.stringify({ filler: 'x'.repeat(fault.bytes) });
      response.writeHead(200, headersOf(filler.length)).end(filler);
      return true;
    }
    case 'truncate':
      response.writeHead(status, headersOf(body.length));
      response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
      return true;
    case 'drip':
      response.writeHead(status, headersOf(body.length));
      for (const byte of body) {
        if (response.destroyed) return true;
        response.write(Buffer.of(byte));
        await delay(fault.ms);
      }
      response.end();
      return true;
    case 'status': {
      const limited = fault.status === 429
        ? { errcode: 'M_LIMIT_EXCEEDED', error: 'Too many requests', retry_after_ms: fault.retryAfterMs ?? 100 }
        : { errcode: 'M_UNKNOWN', error: 'Internal server error' };
      const headers = fault.status === 429
        ? { 'retry-after': String(Math.ceil(limited.retry_after_ms / 1000)) } : {};
      const answer = JSON.stringify(fault.body ?? limited);
      response.writeHead(fault.status, { ...headersOf(Buffer.byteLength(answer)), ...headers }).end(answer);
      return true;
    }
    default: throw new Error(`no fault is called ${fault.kind}`);
  }
}
