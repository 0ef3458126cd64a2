// Debian's Firefox ESR over WebDriver BiDi, with fake devices and a throw-away home.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import puppeteer from 'puppeteer-core';
import { onCleanup } from './cleanup.mjs';
import { Skip } from './expect.mjs';
import { onPath } from './path.mjs';
import { Peer } from './peer.mjs';
import { servePages } from './static.mjs';

const binaries = ['firefox-esr', 'firefox'];

export class Firefox {
  static async launch() {
    const executablePath = onPath(binaries);
    if (!executablePath) throw new Skip(`none of ${binaries.join(', ')} is on PATH`);
    const self = new Firefox();
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-firefox-'));
    onCleanup('firefox home', () => fs.rmSync(home, { recursive: true, force: true }));
    self.browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath,
      headless: true,
      env: { ...process.env, HOME: home },
      extraPrefsFirefox: {
        'media.navigator.streams.fake': true,
        'media.navigator.permission.disabled': true,
        'media.autoplay.default': 0,
        'media.autoplay.blocking_policy': 0,
      },
    });
    onCleanup('firefox', () => self.browser.close());
    return self;
  }

  async page(name, { client = '223' } = {}) {
    this.pages ??= await servePages();
    const page = await this.browser.newPage();
    const peer = new Peer(name, page);
    await page.goto(`${this.pages.url}/call.html?lk=${client}`);
    return peer;
  }
}
