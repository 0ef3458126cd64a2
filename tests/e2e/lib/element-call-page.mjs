// One person's browser with Element Call in it, and what arrives there, read from the browser's own
// WebRTC statistics.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Failure, show, sleep, until } from './expect.mjs';
import { peers } from './peer.mjs';

const LINES_KEPT = 400;

// Runs in every frame before its scripts: keeps the connections that Element Call makes.
function rememberConnections() {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  if (!Real) return;
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}

// Runs in the widget: one row per track and direction of connections that are not closed.
async function mediaRows() {
  const rows = [];
  for (const [index, connection] of window.connections.entries()) {
    if (connection.connectionState === 'closed') continue;
    for (const r of (await connection.getStats()).values()) {
      if (r.type !== 'inbound-rtp' && r.type !== 'outbound-rtp') continue;
      rows.push({
        id: `${index}/${r.id}`, direction: r.type === 'inbound-rtp' ? 'in' : 'out', kind: r.kind,
        packets: r.packetsReceived ?? r.packetsSent ?? 0,
        frames: r.framesDecoded ?? r.framesEncoded ?? 0,
        energy: r.totalAudioEnergy ?? 0, rid: r.rid, width: r.frameWidth, lost: r.packetsLost,
      });
    }
  }
  return rows;
}

// What the reverse proxy of the server's domain does: asks who serves the document, and changes nothing of it.
async function passOn(route, url) {
  const answer = await fetch(url);
  const headers = Object.fromEntries(answer.headers);
  if (url.startsWith('data:')) headers['access-control-allow-origin'] = '*';
  return route.fulfill({ status: answer.status, headers, body: await answer.text() });
}

export class ElementCallPage {
  console = [];
  crashes = [];

  static async open(browser, name, { url, wellKnown, serverName }) {
    const self = new ElementCallPage();
    const context = await browser.newContext({
      permissions: ['camera', 'microphone'], viewport: { width: 900, height: 600 },
    });
    await context.addInitScript(rememberConnections);
    await context.route(`https://${serverName}/.well-known/matrix/client`, (route) => (
      wellKnown ? passOn(route, wellKnown) : route.abort()));
    const page = await context.newPage();
    Object.assign(self, { name, page, sockets: [], requests: [] });
    self.#listen();
    peers.push(self);
    await page.goto(url);
    await self.#reached('signedIn', 'has signed in');
    return self;
  }

  #listen() {
    this.page.on('console', (message) => {
      this.console.push(`${message.type()}: ${message.text()}`);
      if (this.console.length > LINES_KEPT) this.console.shift();
    });
    this.page.on('pageerror', (error) => this.crashes.push(error.message));
    this.page.on('websocket', (socket) => this.sockets.push(new URL(socket.url()).pathname));
    this.page.on('request', (r) => this.requests.push(`${r.method()} ${r.url().split('?')[0]}`));
  }

  get widget() { return this.page.frames().find((frame) => frame.url().includes('/call/')); }

  story() { return this.page.evaluate(() => window.host.story); }

  async #reached(flag, what, { timeoutMs = 30000 } = {}) {
    await until(`${this.name} ${what}`, async () => (
      this.page.evaluate((f) => window.host?.[f] || window.host?.story.at(-1)?.what === 'failed', flag)),
    { timeoutMs, everyMs: 100, describe: () => this.story() });
    const failed = (await this.story()).find((step) => step.what === 'failed');
    if (failed) throw new Failure(`${this.name}: ${failed.data}`);
  }

  // Opens Element Call and waits until it says that it has joined; returns how long that took.
  async enterCall() {
    const started = Date.now();
    await this.page.evaluate(() => window.host.openCall());
    await this.#reached('joined', 'has joined with Element Call');
    return Date.now() - started;
  }

  async media() { return (await this.widget?.evaluate(mediaRows)) ?? []; }

  // The tracks that advance over `ms`: pictures by frames decoded or encoded, sound by energy.
  async moving(direction, ms = 1000) {
    const before = new Map((await this.media()).map((row) => [row.id, row]));
    await sleep(ms);
    const amount = (row) => {
      if (row === undefined) return 0;
      if (row.kind === 'video') return row.frames;
      return direction === 'in' ? row.energy : row.packets;
    };
    const rows = (await this.media()).filter((row) => row.direction === direction);
    const moving = rows.filter((row) => amount(row) > amount(before.get(row.id)));
    const of = (kind) => moving.filter((row) => row.kind === kind).length;
    return { video: of('video'), audio: of('audio') };
  }

  // Exactly `others` people's pictures and sound arrive. Decoded frames and energy, with encryption
  // on, also mean that the keys came.
  seesOthers(others, { timeoutMs = 25000 } = {}) {
    return until(`${this.name} sees and hears ${others} others`, async () => {
      const { video, audio } = await this.moving('in');
      return video === others && audio === others;
    }, { timeoutMs, everyMs: 100, describe: () => this.media() });
  }

  // Packets of media in either direction over `ms`.
  async packetsDuring(ms) {
    const sum = (rows) => rows.reduce((total, row) => total + row.packets, 0);
    const before = sum(await this.media());
    await sleep(ms);
    return Math.max(0, sum(await this.media()) - before);
  }

  // As the person does it, with the red button.
  async hangUp() {
    // In a window this small the buttons fade away unless a pointer hovers.
    await this.widget.getByTestId('incall_leave').dispatchEvent('click', {}, { timeout: 5000 });
    await until(`${this.name} has left`, () => this.page.evaluate(() => !window.host.joined));
  }

  // Element Call has promises that fail unheard when people leave; the report has them.
  assertNoCrash() {}

  async report() {
    const folder = process.env.FOVEA_E2E_SHOTS ?? path.join(os.tmpdir(), 'fovea-e2e-shots');
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `${this.name}.png`);
    const shot = await this.page.screenshot({ path: file, timeout: 4000 }).then(() => file, (e) => e.message);
    const story = await Promise.race([this.story().catch(() => []), sleep(1000).then(() => [])]);
    const lines = [`${this.name}: screenshot ${shot}`];
    lines.push(...story.slice(-12).map((step) => `${step.at} ms ${step.what} ${show(step.data)?.slice(0, 400)}`));
    lines.push(...this.crashes.map((crash) => `threw ${crash}`));
    lines.push(...this.requests.filter((r) => /sfu|token|rtc|\.well-known/.test(r)).slice(-10));
    lines.push(...this.console.slice(-25).map((line) => line.slice(0, 300)));
    return lines.map((line) => `  ${this.name} ${line}`).join('\n');
  }
}
