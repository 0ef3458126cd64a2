// One browser participant: thin wrappers round window.peer of pages/call.js. Works with pages of
// playwright (Chromium) and of puppeteer (Firefox), which share evaluate() and on().
import { Failure, check, show, sleep, until } from './expect.mjs';

const CONSOLE_LINES_KEPT = 300;
export const peers = [];

export class Peer {
  constructor(name, page) {
    Object.assign(this, { name, page, console: [], crashes: [], sockets: [], requests: [] });
    page.on('console', (message) => {
      this.console.push(`${message.type()}: ${message.text()}`);
      if (this.console.length > CONSOLE_LINES_KEPT) this.console.shift();
    });
    page.on('pageerror', (error) => this.crashes.push(error.message));
    peers.push(this);
  }

  call(method, argument = {}) {
    return this.page.evaluate(([m, a]) => window.peer[m](a), [method, argument])
      .catch((error) => {
        throw new Failure(`${this.name}.${method}(${show(argument)}): ${error.message}`);
      });
  }

  // Joins and returns {connectMs, sid, ...}; a refusal is a failure unless `mayFail`.
  async join(focus, { room = 'room', token, url, mayFail = false, ...rest } = {}) {
    const result = await this.call('join', {
      url: url ?? focus.wsUrl,
      token: token ?? focus.token(this.name, room),
      ...rest,
    });
    if (!mayFail) check(!result.refused, `${this.name} could not join`, result.refused);
    return result;
  }

  async publish({ camera = true, microphone = true } = {}) {
    if (microphone) await this.call('microphone');
    if (camera) await this.call('camera', camera === true ? {} : camera);
  }

  state() { return this.call('state'); }
  outbound() { return this.call('outbound'); }
  inbound() { return this.call('inbound'); }

  async inboundOf(identity, source) {
    const rows = await this.inbound();
    return rows.find((r) => r.identity === identity && r.source === source);
  }

  // Events of one name so far, oldest first.
  events(name) {
    return this.page.evaluate((n) => window.peer.events.filter((e) => !n || e.name === n), name);
  }

  // Waits for an event (also one that has already happened) that satisfies `fits`.
  event(name, fits = () => true, options = {}) {
    return until(`${this.name} sees ${name}`, async () => (await this.events(name)).find(fits), {
      describe: async () => (await this.events()).slice(-12),
      ...options,
    });
  }

  async forgetEvents() {
    await this.page.evaluate(() => { window.peer.events.length = 0; });
  }

  inbox() { return this.page.evaluate(() => window.peer.inbox); }

  received(what, fits, options) {
    return until(`${this.name} receives ${what}`, async () => (await this.inbox()).find(fits), {
      describe: () => this.inbox(),
      ...options,
    });
  }

  // Video: frames are decoded. Audio: packets arrive and carry energy. Both must keep rising.
  async seesMedia(identity, source, { timeoutMs = 12000, energy = true } = {}) {
    const isAudio = source.includes('microphone') || source.endsWith('audio');
    const amount = (row) => (isAudio ? (energy ? row.energy : row.packets) : row.frames) ?? 0;
    const look = async (floor) => {
      const row = await this.inboundOf(identity, source);
      return row && amount(row) > floor && row;
    };
    const describe = () => this.inbound();
    const what = `${this.name} gets ${source} of ${identity}`;
    const first = await until(what, () => look(0), { timeoutMs, describe });
    await sleep(300);
    return until(`${what} still`, () => look(amount(first)), { timeoutMs: 4000, describe });
  }

  // Packets of a track over `ms`; the measure of "it stopped" and "it flows again".
  async packetsDuring(identity, source, ms) {
    const before = (await this.inboundOf(identity, source))?.packets ?? 0;
    await sleep(ms);
    return ((await this.inboundOf(identity, source))?.packets ?? 0) - before;
  }

  async framesPerSecond(identity, source, ms) {
    const started = Date.now();
    const before = (await this.inboundOf(identity, source))?.frames ?? 0;
    await sleep(ms);
    const after = (await this.inboundOf(identity, source))?.frames ?? 0;
    return ((after - before) * 1000) / (Date.now() - started);
  }

  assertNoCrash() {
    check(this.crashes.length === 0, `${this.name}'s page threw`, this.crashes);
  }

  async report() {
    const events = await Promise.race([this.events().catch(() => []), sleep(1000).then(() => [])]);
    const lines = [`${this.name}: ${events.length} events, last: ${show(events.slice(-15))}`];
    lines.push(...this.crashes.map((c) => `${this.name} threw ${c}`));
    lines.push(...this.console.slice(-15).map((c) => `${this.name} ${c.slice(0, 300)}`));
    return lines.map((line) => `  ${line}`).join('\n');
  }
}

// Everyone sees everyone else's given sources.
export async function everyoneSeesEveryone(everyone, sources = ['camera', 'microphone']) {
  for (const viewer of everyone) {
    for (const other of everyone) {
      if (viewer === other) continue;
      for (const source of sources) await viewer.seesMedia(other.name, source);
    }
  }
}
