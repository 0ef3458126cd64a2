// The RoomService of a LiveKit server, for what a token service asks of it, and the webhooks that
// such a server would send.
import crypto from 'node:crypto';
import http from 'node:http';
import { CreateRoomRequest, ParticipantInfo, Room, RoomParticipantIdentity } from '@livekit/protocol';
import { TokenVerifier } from 'livekit-server-sdk';
import { onCleanup } from './cleanup.mjs';
import { signJwt } from './tokens.mjs';

export class FakeSfu {
  created = [];  // requests of CreateRoom
  opensNone = false;
  lookups = [];  // "room identity" of GetParticipant
  present = new Set();  // "room identity"
  faults = [];  // what was wrong with a request
  #key;

  static async start({ key, secret, address = '127.0.0.1' }) {
    const self = new FakeSfu();
    self.#key = { key, secret };
    const server = http.createServer((request, response) => self.#serve(request, response));
    await new Promise((resolve) => server.listen(0, address, resolve));
    self.url = `ws://${address}:${server.address().port}`;
    onCleanup('fake SFU', () => {
      server.closeAllConnections();
      server.close();
    });
    return self;
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const method = request.url.replace('/twirp/livekit.RoomService/', '');
    const { key, secret } = this.#key;
    const claims = await new TokenVerifier(key, secret)
      .verify((request.headers.authorization ?? '').replace('Bearer ', '')).catch(() => undefined);
    if (method === 'CreateRoom' && this.opensNone) {
      return response.writeHead(503, { 'content-type': 'application/json' }).end('{"code":"unavailable"}');
    }
    if (method === 'CreateRoom' && claims?.video?.roomCreate) {
      this.created.push(CreateRoomRequest.fromBinary(body));
      return this.#reply(response, new Room({ name: this.created.at(-1).name }));
    }
    const asked = method === 'GetParticipant' ? RoomParticipantIdentity.fromBinary(body) : undefined;
    if (asked && claims?.video?.roomAdmin && claims.video.room === asked.room) {
      this.lookups.push(`${asked.room} ${asked.identity}`);
      if (this.present.has(this.lookups.at(-1))) {
        return this.#reply(response, new ParticipantInfo({ identity: asked.identity, state: 2 }));
      }
      response.writeHead(404, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ code: 'not_found', msg: 'participant does not exist' }));
    }
    this.faults.push(`${request.method} ${request.url} with ${JSON.stringify(claims)}`);
    response.writeHead(401).end();
    return undefined;
  }

  #reply(response, message) {
    response.writeHead(200, { 'content-type': 'application/protobuf' }).end(message.toBinary());
  }

  // A signed webhook to the token service at `serviceUrl`; the status of its answer.
  async tell(serviceUrl, event, { room, identity }, { disconnectReason, secret } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const body = JSON.stringify({
      event, room: { name: room }, participant: { identity, ...(disconnectReason && { disconnectReason }) },
      id: `EV_${crypto.randomUUID()}`, createdAt: String(now),
    });
    const sha256 = crypto.createHash('sha256').update(body).digest('base64');
    const jwt = signJwt({ iss: this.#key.key, nbf: now - 5, exp: now + 60, sha256 },
      { secret: secret ?? this.#key.secret });
    const response = await fetch(`${serviceUrl}/sfu_webhook`, {
      method: 'POST', headers: { authorization: jwt, 'content-type': 'application/webhook+json' }, body,
    });
    return response.status;
  }
}
