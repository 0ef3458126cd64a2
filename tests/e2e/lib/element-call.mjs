// Element Call as its users have it: the embedded build from npm, as a widget of a Matrix client, one
// browser context per person.
import { buildSync } from 'esbuild';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ElementCallPage } from './element-call-page.mjs';
import { onCleanup } from './cleanup.mjs';
import { servePages } from './static.mjs';

const e2e = fileURLToPath(new URL('../', import.meta.url));
const modules = path.join(e2e, 'node_modules');
const builds = {
  0.26: '@element-hq/element-call-embedded',
  0.22: 'ec-0-22',
  0.16: 'ec-0-16',
};

// The host page with its libraries in one file, made anew for each run: half a second.
function bundleHost() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-widget-host-'));
  onCleanup('widget host', () => fs.rmSync(folder, { recursive: true, force: true }));
  const source = path.join(e2e, 'pages/widget-host');
  fs.copyFileSync(path.join(source, 'index.html'), path.join(folder, 'index.html'));
  buildSync({
    entryPoints: [path.join(source, 'host.mjs')], outfile: path.join(folder, 'host.js'),
    bundle: true, format: 'esm', target: 'es2022', logLevel: 'error',
  });
  return folder;
}

// `config` is Element Call's config.json. `session(localpart)` tells the host page who opened it.
export async function serveElementCall({ version = '0.26', config, session, port = 0 }) {
  const answerJson = (response, status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return true;
  };
  const handler = async (request, response, url) => {
    if (url.pathname === '/call/config.json') return answerJson(response, 200, config);
    if (url.pathname !== '/room/session') return false;
    const known = await session(url.searchParams.get('user'));
    return known ? answerJson(response, 200, known) : answerJson(response, 404, { error: 'nobody' });
  };
  return servePages({
    port,
    handler,
    roots: {
      '/room/': bundleHost(),
      '/room/pkg/': path.join(modules, '@matrix-org/matrix-sdk-crypto-wasm/pkg'),
      '/call/': path.join(modules, builds[version], 'dist'),
    },
  });
}

// What the widget is told by its URL. The first person starts the call, the others join it.
export function widgetParameters(isFirst, more = {}) {
  return {
    intent: isFirst ? 'start_call' : 'join_existing',
    skipLobby: 'true', perParticipantE2EE: 'true', header: 'none', theme: 'dark', lang: 'en', ...more,
  };
}

export class ElementCall {
  // `mode` is Element Call's matrix_rtc_mode. `wellKnown`: the URL of what the server's domain serves there.
  static async serve(t, world, { version = '0.26', mode = 'compatibility', wellKnown, widget } = {}) {
    const self = new ElementCall();
    Object.assign(self, { t, world, wellKnown, pages: {}, inCall: [] });
    const { users } = world;
    self.site = await serveElementCall({
      version,
      config: { matrix_rtc_mode: mode, matrix_rtc_session: { wait_for_key_rotation_ms: 1000 } },
      session: async (name) => users[name] && {
        ...(await users[name].login()),
        baseUrl: world.synapse.url, roomId: world.room, elementCall: '/call/',
        widget: widgetParameters(name === Object.keys(users)[0], widget),
      },
    });
    return self;
  }

  // Served, and everybody in the room signed in before anybody calls, as people's devices are.
  static async start(t, world, options) {
    const self = await ElementCall.serve(t, world, options);
    const names = Object.keys(world.users);
    for (const name of names) await self.open(name, `${self.link(name)}&wait`);
    t.step(`${names.join(', ')} signed in`);
    return self;
  }

  // Whoever opens it is signed in as `name` and in the call.
  link(name) { return `${this.site.url}/room/?user=${name}`; }

  async open(name, url, browser) {
    this.pages[name] = await ElementCallPage.open(browser ?? (await this.t.browser()), name, {
      url, wellKnown: this.wellKnown, serverName: this.world.synapse.name,
    });
    return this.pages[name];
  }

  async enter(name) {
    const page = this.pages[name];
    const afterMs = await page.enterCall();
    this.inCall.push(page);
    this.t.step(`${name} is in the call (${afterMs} ms)`);
    return page;
  }

  // Everyone decodes everyone else's picture and hears them.
  async everyoneSeesEveryone(pages = this.inCall) {
    for (const page of pages) await page.seesOthers(pages.length - 1);
    this.t.step(`${pages.map((page) => page.name).join(', ')} see and hear each other`);
  }
}
