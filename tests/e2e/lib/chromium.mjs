// Debian's headless Chromium with fake devices; every participant gets a context of its own.
import { chromium } from 'playwright-core';
import { onCleanup } from './cleanup.mjs';
import { Skip } from './expect.mjs';
import { onPath } from './path.mjs';
import { Peer } from './peer.mjs';
import { servePages } from './static.mjs';

const binaries = ['chromium-headless-shell', 'chromium', 'google-chrome'];
// Root needs --no-sandbox; autoplay must be allowed or remote audio has no energy to measure.
const flags = ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'];
const fakeDevices = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

function launchOptions({ args, devices }) {
  const executablePath = onPath(binaries);
  if (!executablePath) throw new Skip(`none of ${binaries.join(', ')} is on PATH`);
  return { executablePath, headless: true, args: [...flags, ...(devices ? fakeDevices : []), ...args] };
}

export class Chromium {
  // Without devices there is no camera, and nobody who lends it.
  static async launch({ args = [], devices = true } = {}) {
    const self = new Chromium();
    self.browser = await chromium.launch(launchOptions({ args, devices }));
    onCleanup('chromium', () => self.browser.close());
    return self;
  }

  // One that kill() ends with SIGKILL, all its processes at once.
  static async launchToKill() {
    const self = new Chromium();
    const server = await chromium.launchServer(launchOptions({ args: [], devices: true }));
    self.kill = onCleanup('chromium to kill', () => server.kill());
    self.browser = await chromium.connect(server.wsEndpoint());
    return self;
  }

  // A blank participant page; `client` picks the livekit-client version.
  async page(name, { client = '223', permissions = ['camera', 'microphone'], viewport } = {}) {
    this.pages ??= await servePages();
    const context = await this.browser.newContext({ permissions, ...(viewport && { viewport }) });
    const page = await context.newPage();
    const peer = new Peer(name, page);
    page.on('websocket', (socket) => peer.sockets.push(new URL(socket.url()).pathname));
    page.on('request', (request) => peer.requests.push(request.url()));
    await page.goto(`${this.pages.url}/call.html?lk=${client}`);
    return peer;
  }

  async tab(url, { permissions = ['camera', 'microphone'] } = {}) {
    const context = await this.browser.newContext({ permissions });
    const page = await context.newPage();
    page.crashes = [];
    page.on('pageerror', (error) => page.crashes.push(error.message));
    await page.goto(url);
    return page;
  }
}
