// The one federation route that a token service asks for, on 127.0.0.1 with a certificate of its own.
// It counts connections, answered or not, and says what a case wants it to say.
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { keepSecret } from './canary.mjs';
import { onCleanup } from './cleanup.mjs';
import { selfSigned } from './synapse.mjs';

export class OpenIdServer {
  connections = 0;
  lookups = [];

  // `files` {cert, key} are a certificate's; without them it makes one that nobody else trusts. `name` is the
  // server's in Matrix, and `wellKnown` what it answers to who asks where it is: a server name or a function
  // of (request, response).
  static async start({ address = '127.0.0.1', port = 0, name, files, wellKnown } = {}) {
    const self = new OpenIdServer();
    self.wellKnown = wellKnown;
    if (!files) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-openid-'));
      onCleanup('certificate', () => fs.rmSync(folder, { recursive: true, force: true }));
      files = selfSigned(folder);
      self.caFile = files.cert;
    }
    const options = { cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) };
    const server = https.createServer(options, (request, response) => self.#answer(request, response));
    server.on('connection', () => { self.connections += 1; });
    await new Promise((resolve) => server.listen(port, address, resolve));
    onCleanup('OpenID server', () => { server.closeAllConnections(); server.close(); });
    self.port = server.address().port;
    self.name = name ?? `${address}:${self.port}`;
    return self;
  }

  // A token of `localpart`, as its client would send it.
  openId(localpart, name = this.name) {
    const token = keepSecret(`token-of-${localpart}`);
    return { access_token: token, token_type: 'Bearer', matrix_server_name: name, expires_in: 3600 };
  }

  // Says something else than the truth: (localpart, response) => undefined, having answered.
  lie = null;

  #answer(request, response) {
    const url = new URL(request.url, 'https://server');
    if (url.pathname === '/.well-known/matrix/server' && this.wellKnown) {
      if (typeof this.wellKnown === 'function') return this.wellKnown(request, response);
      return response.end(JSON.stringify({ 'm.server': this.wellKnown }));
    }
    if (url.pathname !== '/_matrix/federation/v1/openid/userinfo') return response.writeHead(404).end('{}');
    const token = url.searchParams.get('access_token');
    this.lookups.push({ token, host: request.headers.host });
    const localpart = /^token-of-(.+)$/.exec(token)?.[1];
    if (!localpart) return response.writeHead(401).end('{"errcode":"M_UNKNOWN_TOKEN","error":"unknown"}');
    if (this.lie) return this.lie(localpart, response);
    return response.end(JSON.stringify({ sub: `@${localpart}:${this.name}` }));
  }
}

// A POST to the token service; {status, headers, text, ...what the JSON says}.
export async function post(focus, route, body, { method = 'POST', headers = {} } = {}) {
  const response = await fetch(`${focus.httpUrl}${route}`, {
    method, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const said = text.startsWith('{') ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, ...said };
}

export const sfuGet = (openid, more = {}) => ({
  room: '!room:example.com', device_id: 'DEVICE', openid_token: openid, ...more,
});

export const getToken = (openid, user, more = {}) => ({
  room_id: '!room:example.com', slot_id: 'm.call#ROOM', openid_token: openid,
  member: { id: 'member', claimed_user_id: user, claimed_device_id: 'DEVICE' }, ...more,
});
