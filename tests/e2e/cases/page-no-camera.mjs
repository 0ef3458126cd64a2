// The dev page where the browser has no camera to lend, or was told not to: said plainly, and a test pattern instead.
import { Chromium } from '../lib/chromium.mjs';
import { layOutPage, twoTilesPlay } from '../lib/dev-page.mjs';
import { check, equal } from '../lib/expect.mjs';

export const about = 'the dev page without a camera: none there, or forbidden; it says so and sends a test pattern';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus({ args: ['--dev', '--page', layOutPage()] });
  const bare = await Chromium.launch({ devices: false });
  const denying = await Chromium.launch({
    devices: false, args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream=deny'],
  });
  const nobody = await join(focus, bare, 'nobody');
  await says(nobody, /No camera was found on this machine/);
  await says(nobody, /No microphone was found/);
  t.step('no devices: said');
  const shy = await join(focus, denying, 'shy');
  await says(shy, /The browser was told not to use the camera; allow it beside the address/);
  t.step('forbidden: said');
  for (const tab of [nobody, shy]) {
    await twoTilesPlay(tab);
    equal(tab.crashes, [], 'errors thrown by the page');
  }
  t.step('both see two test patterns');
}

async function join(focus, browser, name) {
  const tab = await browser.tab(`${focus.httpUrl}/?room=kitchen&name=${name}&send=camera`);
  await tab.click('#join');
  return tab;
}

async function says(tab, words) {
  await tab.waitForSelector('.toast', { timeout: 10000 });
  const text = await tab.textContent('#toasts');
  check(words.test(text), `the page does not say ${words}`, text);
}
