// A webhook receiver that verifies every delivery with LiveKit's own server SDK.
import http from 'node:http';
import { WebhookReceiver } from 'livekit-server-sdk';
import { onCleanup } from './cleanup.mjs';
import { check, until } from './expect.mjs';
import { API_KEY, API_SECRET } from './tokens.mjs';

export class Webhooks {
  events = [];
  rejected = [];
  // The next `failures` deliveries get a 500, so that retrying can be watched.
  failures = 0;

  static async listen() {
    const self = new Webhooks();
    const receiver = new WebhookReceiver(API_KEY, API_SECRET);
    const server = http.createServer((request, response) => self.#handle(receiver, request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanup('webhook receiver', () => {
      server.closeAllConnections();
      server.close();
    });
    self.url = `http://127.0.0.1:${server.address().port}/hook`;
    self.config = { webhook: { api_key: API_KEY, urls: [self.url] } };
    return self;
  }

  async #handle(receiver, request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (this.failures > 0) {
      this.failures -= 1;
      response.writeHead(500).end();
      return;
    }
    const body = Buffer.concat(chunks).toString();
    try {
      check(request.headers['content-type']?.startsWith('application/webhook+json'),
        'webhook content type', request.headers['content-type']);
      this.events.push(await receiver.receive(body, request.headers.authorization));
      response.writeHead(200).end();
    } catch (error) {
      this.rejected.push({ error: error.message, body });
      response.writeHead(401).end();
    }
  }

  names(identity) {
    const about = (e) => !identity || e.participant?.identity === identity;
    return this.events.filter(about).map((e) => e.event);
  }

  event(name, fits = () => true) {
    return until(`webhook ${name} arrives`, () => this.events.find((e) => e.event === name && fits(e)), {
      describe: () => ({ names: this.names(), rejected: this.rejected }),
    });
  }
}
