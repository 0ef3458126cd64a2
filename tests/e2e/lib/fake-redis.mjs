// A Redis with one connection's worth of sense: PING, HSET, HDEL, HGETALL, and HELLO is an error, as
// with servers that speak RESP2 only.
import net from 'node:net';
import { onCleanup } from './cleanup.mjs';

const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

export class FakeRedis {
  hashes = new Map();
  commands = [];

  static async start() {
    const self = new FakeRedis();
    const sockets = new Set();
    const server = net.createServer((socket) => {
      sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
      self.#serve(socket);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    self.url = `redis://127.0.0.1:${server.address().port}/0`;
    onCleanup('fake Redis', () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return self;
  }

  // Field to value of the jobs that delegated leave keeps.
  get jobs() { return this.hashes.get('lk-jwt:jobs') ?? new Map(); }

  #serve(socket) {
    let buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      buffer = Buffer.concat([buffer, chunk]);
      for (let read = readCommand(buffer); read; read = readCommand(buffer)) {
        buffer = buffer.subarray(read.end);
        this.commands.push(read.words);
        socket.write(this.#answer(read.words));
      }
    });
  }

  #answer([name, key, field, value]) {
    const hash = this.hashes.get(key) ?? new Map();
    switch (name.toUpperCase()) {
      case 'PING':
        return '+PONG\r\n';
      case 'SELECT':
        return '+OK\r\n';
      case 'HSET': {
        const added = hash.has(field) ? 0 : 1;
        this.hashes.set(key, hash.set(field, value));
        return `:${added}\r\n`;
      }
      case 'HDEL':
        return `:${hash.delete(field) ? 1 : 0}\r\n`;
      case 'HGETALL':
        return `*${hash.size * 2}\r\n${[...hash].flat().map(bulk).join('')}`;
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  }
}

function readLine(buffer, at) {
  const end = buffer.indexOf('\r\n', at);
  return end < 0 ? undefined : { text: buffer.toString('utf8', at, end), next: end + 2 };
}

// The first complete command of `buffer`: an array of bulk strings.
function readCommand(buffer) {
  const head = readLine(buffer, 0);
  if (!head) return undefined;
  const words = [];
  let at = head.next;
  for (let i = 0; i < Number(head.text.slice(1)); i += 1) {
    const size = readLine(buffer, at);
    if (!size) return undefined;
    const end = size.next + Number(size.text.slice(1));
    if (buffer.length < end + 2) return undefined;
    words.push(buffer.toString('utf8', size.next, end));
    at = end + 2;
  }
  return { words, end: at };
}
