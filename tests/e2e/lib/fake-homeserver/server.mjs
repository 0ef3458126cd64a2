// A homeserver for everything that a real one cannot be made to do: it pushes, resets state, falls over
// and lies on request. Memory only, one process, listeners on 127.0.0.1 with and without TLS.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { keepSecret } from '../canary.mjs';
import { onCleanup } from '../cleanup.mjs';
import { Answer, clientRoutes, newOpenIdToken } from './client-api.mjs';
import { DelayedEvents } from './delayed.mjs';
import { Faults, answerWithFault } from './faults.mjs';
import { Pusher } from './pusher.mjs';
import { FakeRoom } from './room.mjs';

const cors = {
  'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'access-control-allow-methods': '*',
};

export class FakeHomeserver {
  rooms = new Map();
  users = new Map();
  openIdTokens = new Map();
  transactions = new Map();
  requests = [];
  faults = new Faults();
  delayed = new DelayedEvents();
  order = 0;
  #orders = new Map();
  #silent = [];
  #listeners = [];
  #ports = {};
  #waiting = new Set();
  #calls = new Map();

  // `appservice` is a registration; `tls` names the files of a key and a certificate.
  static async start({ name = 'fake.test', appservice, tls, ports = {}, push, ...options } = {}) {
    const self = new FakeHomeserver();
    self.name = name;
    self.options = { maxDelayMs: 86400000, ...options };
    self.appservice = appservice;
    if (appservice) self.pusher = Object.assign(new Pusher(appservice, push), { id: appservice.id });
    Object.assign(self, { tls });
    self.#ports = { plain: ports.http ?? 0, tls: ports.tls ?? 0 };
    await self.up();
    onCleanup('fake homeserver', async () => {
      self.pusher?.stop();
      self.delayed.stop();
      await self.down();
    });
    return self;
  }

  // Listens, on the ports it had before if any.
  async up() {
    const listen = (server, port) => new Promise((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server.address().port));
    });
    const handler = (request, response) => this.#serve(request, response).catch(() => response.destroy());
    const plain = http.createServer(handler);
    this.#listeners = [plain];
    this.#ports.plain = await listen(plain, this.#ports.plain);
    this.url = `http://127.0.0.1:${this.#ports.plain}`;
    if (!this.tls) return;
    const files = { cert: fs.readFileSync(this.tls.cert), key: fs.readFileSync(this.tls.key) };
    const secure = https.createServer(files, handler);
    this.#listeners.push(secure);
    this.#ports.tls = await listen(secure, this.#ports.tls);
    this.tlsUrl = `https://127.0.0.1:${this.#ports.tls}`;
  }

  // Connections are refused from now on, and those there are end.
  async down() {
    await Promise.all(this.#listeners.map((server) => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    })));
    this.#listeners = [];
  }

  user(localpart) {
    const id = `@${localpart}:${this.name}`;
    if (!this.users.has(id)) this.users.set(id, { id, localpart, token: `token_${localpart}`, device: 'DEVICE' });
    return this.users.get(id);
  }

  createRoom(creator, { encrypted = false } = {}) {
    const id = `!${Math.random().toString(36).slice(2, 12)}:${this.name}`;
    const room = new FakeRoom(id, (event, members) => this.#happened(event, members));
    this.rooms.set(id, room);
    room.setState(creator.id, 'm.room.create', '', { room_version: '11', creator: creator.id });
    room.join(creator.id);
    if (encrypted) {
      room.setState(creator.id, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' });
    }
    return room;
  }

  #happened(event, members) {
    this.order += 1;
    this.#orders.set(event.event_id, this.order);
    const interested = [event.sender, ...members].some((user) => user.endsWith(`:${this.name}`));
    if (interested) this.pusher?.enqueue(event);
    this.#wake();
  }

  #wake() {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  // State that changed without an event: application services hear nothing, /sync shows it.
  resetState(room, ...args) {
    room.resetState(...args);
    this.order += 1;
    this.#silent.push({ room, key: args[1], stateKey: args[2], order: this.order });
    this.#wake();
  }

  orderOf(event) { return this.#orders.get(event.event_id) ?? 0; }

  stateChangedSince(room, from) {
    const byEvent = [...room.state.values()].filter((event) => this.orderOf(event) > from);
    const silently = this.#silent.filter((change) => change.room === room && change.order > from)
      .map((change) => room.get(change.key, change.stateKey)).filter(Boolean);
    return [...new Set([...byEvent, ...silently])];
  }

  nextEvent(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  openIdFor(user, { as = user } = {}) {
    const token = keepSecret(newOpenIdToken());
    this.openIdTokens.set(token, as);
    return {
      access_token: token, token_type: 'Bearer', matrix_server_name: this.name, expires_in: 3600,
    };
  }

  versions() {
    return {
      versions: ['v1.1', 'v1.11', 'v1.13'],
      unstable_features: {
        'org.matrix.msc4140': Boolean(this.options.maxDelayMs), 'org.matrix.msc4354': true,
        'org.matrix.msc4222': true,
      },
    };
  }

  wellKnown(which) {
    const document = this.options.wellKnown?.[which];
    if (!document) throw new Answer(404, 'M_NOT_FOUND');
    return document;
  }

  // Synapse's limit for callers without a token: so many a second for one address.
  limitByAddress(address) {
    const perSecond = this.options.delayedPerSecond ?? Infinity;
    const recent = (this.#calls.get(address) ?? []).filter((at) => Date.now() - at < 1000);
    if (recent.length >= perSecond) {
      throw new Answer(429, 'M_LIMIT_EXCEEDED', 'Too Many Requests', { retry_after_ms: 1000 });
    }
    this.#calls.set(address, [...recent, Date.now()]);
  }

  #authenticate(request, query) {
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return {};
    if (token === this.appservice?.as_token) {
      const user = query.get('user_id') ?? `@${this.appservice.sender_localpart}:${this.name}`;
      return { user, appservice: true };
    }
    const user = [...this.users.values()].find((known) => known.token === token);
    if (!user) throw new Answer(401, 'M_UNKNOWN_TOKEN', 'Invalid access token passed.');
    return { user: user.id };
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    const text = await readBody(request);
    const note = {
      method: request.method, path: url.pathname, query: url.search, body: text, at: Date.now(),
      secure: request.socket.encrypted === true,
    };
    this.requests.push(note);
    response.once('close', () => { note.closedAt = Date.now(); });
    if (request.method === 'OPTIONS') {
      response.writeHead(204, cors).end();
      return;
    }
    const fault = this.faults.take(url.pathname);
    // A fault that replaces the answer comes before the deed.
    if (fault && !['slow', 'drip', 'truncate'].includes(fault.kind)) {
      note.status = fault.status ?? fault.kind;
      await answerWithFault(fault, response, 200, '{}');
      return;
    }
    const { status, body } = await this.#answer(request, url, text, note);
    note.status = status;
    const answer = JSON.stringify(body);
    if (fault && (await answerWithFault(fault, response, status, answer))) return;
    const date = new Date(Date.now() + (this.options.clockAheadMs ?? 0)).toUTCString();
    response.writeHead(status, { ...cors, date, 'content-type': 'application/json' }).end(answer);
  }

  async #answer(request, url, text, note) {
    try {
      const route = clientRoutes.find((r) => r.method === request.method && r.pattern.test(url.pathname));
      if (!route) throw new Answer(404, 'M_UNRECOGNIZED', 'Unrecognized request');
      const who = route.access === 'anyone' ? {} : this.#authenticate(request, url.searchParams);
      if (route.access === 'token' && !who.user) throw new Answer(401, 'M_MISSING_TOKEN', 'Missing access token');
      Object.assign(note, who);
      const parameters = route.pattern.exec(url.pathname).slice(1).map(decodeURIComponent);
      const details = {
        ...who, query: url.searchParams, address: request.socket.remoteAddress, body: parseBody(text),
      };
      return { status: 200, body: await route.run(this, details, ...parameters) };
    } catch (error) {
      if (!(error instanceof Answer)) throw error;
      return { status: error.status, body: error.body };
    }
  }
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parseBody(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Answer(400, 'M_NOT_JSON', 'Content not JSON.');
  }
}
