// Fovea as the token service of somebody else's LiveKit server, started as that service is: without
// arguments, by environment variables alone. Its homeserver and SFU are fakes that note every call.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { keepSecret } from './canary.mjs';
import { onCleanup } from './cleanup.mjs';
import { check, equal, until } from './expect.mjs';
import { FakeRedis } from './fake-redis.mjs';
import { FakeSfu } from './fake-sfu.mjs';
import { focusBinary } from './focus.mjs';
import { Service, freePorts } from './service.mjs';
import { selfSigned } from './synapse.mjs';

export const KEY = 'devkey';
export const SECRET = 'devsecret';
export const ROUTES = ['/sfu/get', '/get_token', '/delegate_delayed_leave'];

const b64 = (value) => crypto.createHash('sha256').update(JSON.stringify(value)).digest('base64').replace(/=+$/, '');
const ROOM = '!room:example.com';
const SLOT = 'm.call#ROOM';

const listen = (server) => new Promise((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(server.address().port));
});

// OpenID over TLS at a server that is named by its address, and delayed events without TLS.
class FakeCs {
  users = new Map();  // OpenID token to user id
  lookups = [];
  calls = [];  // "restart id", "send id"
  times = [];
  status = () => 200;  // of a call, by action and id
  asToken = 'none';
  joined = [];  // user ids
  events = {};  // "user id", a space, and the delay id: what GET says of it

  async start(folder) {
    const files = selfSigned(folder);
    const tls = https.createServer({ cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) },
      (request, response) => this.#userinfo(request, response));
    const plain = http.createServer((request, response) => this.#delayed(request, response));
    this.name = `127.0.0.1:${await listen(tls)}`;
    this.url = `http://127.0.0.1:${await listen(plain)}`;
    onCleanup('fake homeserver', () => {
      for (const server of [tls, plain]) {
        server.closeAllConnections();
        server.close();
      }
    });
    return this;
  }

  user(localpart) {
    const id = `@${localpart}:${this.name}`;
    this.users.set(`openid_${localpart}`, id);
    const access_token = keepSecret(`openid_${localpart}`);
    return { id, openid: { access_token, token_type: 'Bearer', matrix_server_name: this.name, expires_in: 3600 } };
  }

  #userinfo(request, response) {
    const url = new URL(request.url, 'https://x');
    if (url.pathname !== '/_matrix/federation/v1/openid/userinfo') return response.writeHead(404).end('{}');
    this.lookups.push(url.searchParams.get('access_token'));
    const sub = this.users.get(this.lookups.at(-1));
    response.writeHead(sub ? 200 : 401, { 'content-type': 'application/json' });
    return response.end(JSON.stringify(sub ? { sub } : { errcode: 'M_UNKNOWN_TOKEN' }));
  }

  #delayed(request, response) {
    const url = new URL(request.url, 'http://x');
    if (url.pathname.endsWith('/is_joined')) return this.#isJoined(request, response, url);
    if (request.method === 'GET') return this.#delayedEvent(request, response, url);
    const match = /\/org\.matrix\.msc4140\/delayed_events\/([^/]+)\/(restart|send)$/.exec(request.url.split('?')[0]);
    if (!match) return response.writeHead(404).end('{}');
    const [, id, action] = match;
    this.calls.push(`${action} ${decodeURIComponent(id)}`);
    this.times.push(Date.now());
    const status = this.status(action, id);
    response.writeHead(status, { 'content-type': 'application/json' });
    return response.end('{}');
  }

  // What an application service may ask: who is in the room, and about its users' delayed events.
  #asAppservice(request, response, answer) {
    const known = request.headers.authorization === `Bearer ${this.asToken}`;
    const [status, body] = known ? answer() : [401, { errcode: 'M_UNKNOWN_TOKEN' }];
    return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #isJoined(request, response, url) {
    return this.#asAppservice(request, response, () => (
      [200, { joined: this.joined.includes(url.searchParams.get('mxid')) }]));
  }

  #delayedEvent(request, response, url) {
    const id = decodeURIComponent(url.pathname.split('/').at(-1));
    return this.#asAppservice(request, response, () => {
      const event = this.events[`${url.searchParams.get('user_id')} ${id}`];
      return event ? [200, event] : [404, { errcode: 'M_NOT_FOUND' }];
    });
  }

  count(call) { return this.calls.filter((c) => c === call).length; }
}

export class ExternalWorld {
  // `redis`: with a fake one; `fullAccess` false: the homeserver is a stranger; `csApi` false: nobody
  // says where its client-server API is; `port` is where to listen; `env` is added.
  static async start(t, { redis = false, fullAccess = true, csApi = true, port, env = {} } = {}) {
    const self = new ExternalWorld();
    self.t = t;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-external-'));
    onCleanup('certificate', () => fs.rmSync(folder, { recursive: true }));
    self.hs = await new FakeCs().start(folder);
    self.sfu = await FakeSfu.start({ key: KEY, secret: SECRET });
    if (redis) self.redis = await FakeRedis.start();
    const listenAt = port ?? (await freePorts(1))[0];
    self.serviceUrl = `http://127.0.0.1:${listenAt}`;
    self.livekitUrl = self.sfu.url;
    self.env = {
      LIVEKIT_URL: self.livekitUrl,
      LIVEKIT_KEY: KEY,
      LIVEKIT_SECRET: SECRET,
      LIVEKIT_JWT_BIND: `127.0.0.1:${listenAt}`,
      LIVEKIT_FULL_ACCESS_HOMESERVERS: fullAccess ? self.hs.name : 'trusted.example.com',
      LIVEKIT_INSECURE_SKIP_VERIFY_TLS: 'YES_I_KNOW_WHAT_I_AM_DOING',
      LIVEKIT_LOG_LEVEL: 'debug',
      ...(csApi && { LIVEKIT_CS_API_URL_OVERRIDES: `${self.hs.name}=${self.hs.url}` }),
      ...(redis && { LIVEKIT_REDIS_URL: self.redis.url }),
      ...env,
    };
    await self.boot();
    return self;
  }

  async boot() {
    this.service = new Service('fovea', focusBinary(), [], { env: this.env, endSignal: 'SIGKILL' });
    await this.service.healthy(`${this.serviceUrl}/healthz`, { timeoutMs: 15000 });
  }

  kill() { return this.service.stop(); }

  // POST to one of the three routes; {status, text, ...what the JSON says}.
  async ask(route, body, { method = 'POST', headers } = {}) {
    const response = await fetch(`${this.serviceUrl}${route}`, {
      method, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, ...(text.startsWith('{') && JSON.parse(text)) };
  }

  // A complete body for the route, from `who` (see FakeCs.user).
  body(route, who, extra = {}) {
    if (route === '/sfu/get') return { room: ROOM, device_id: 'DEVICE', openid_token: who.openid, ...extra };
    return {
      room_id: ROOM, slot_id: SLOT, openid_token: who.openid,
      member: { id: 'member', claimed_user_id: who.id, claimed_device_id: 'DEVICE' }, ...extra,
    };
  }

  // Where that participant is, as LiveKit names it.
  place(route, who) {
    const identity = route === '/sfu/get' ? `${who.id}:DEVICE` : b64([who.id, 'DEVICE', 'member']);
    return { room: b64([ROOM, SLOT]), identity };
  }

  async delegate(route, who, delayId, delayTimeout = 3600000) {
    const answer = await this.ask(route, this.body(route, who, { delay_id: delayId, delay_timeout: delayTimeout }));
    equal(answer.status, 200, `${route} with a delay (${answer.text})`);
    return this.place(route, who);
  }

  async webhook(event, place, options) {
    equal(await this.sfu.tell(this.serviceUrl, event, place, options), 200, `answer to ${event}`);
  }

  called(call, timeoutMs = 2000) {
    return until(`the homeserver has seen "${call}"`, () => this.hs.calls.includes(call),
      { timeoutMs, everyMs: 20, describe: () => this.hs.calls });
  }

  // Until no job is stored; only with Redis.
  unstored(timeoutMs = 2000) {
    return until('no job is stored', () => this.redis.jobs.size === 0,
      { timeoutMs, everyMs: 20, describe: () => [...this.redis.jobs] });
  }

  quiet(what) { check(this.hs.calls.length === 0, `no call expected: ${what}`, this.hs.calls); }
}
