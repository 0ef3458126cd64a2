// The page that a focus in dev mode serves: two tabs hold a call, and it looks like one.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { layOutPage, twoTilesPlay } from '../lib/dev-page.mjs';
import { check, equal, until } from '../lib/expect.mjs';

export const about = 'the dev page: two tabs in a call, mute, who speaks, figures, leave; screenshots';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus({ args: ['--dev', '--page', layOutPage()] });
  const shots = process.env.FOVEA_E2E_SHOTS ?? fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-shots-'));
  const shoot = (tab, name) => tab.screenshot({ path: path.join(shots, `${name}.png`) });

  const open = async (name, send) => {
    const tab = await t.tab(`${focus.httpUrl}/?room=kitchen&name=${name}&send=${send}`);
    if (name === 'Ada') await shoot(tab, 'lobby');
    await tab.click('#join');
    await tab.waitForSelector('#call:not([hidden])', { timeout: 10000 }).catch(async () => {
      check(false, `${name} did not get in`, await tab.textContent('#lobby-error'));
    });
    return tab;
  };
  const ada = await open('Ada', 'pattern');
  const grace = await open('Grace', 'camera');
  for (const tab of [ada, grace]) await twoTilesPlay(tab);
  t.step('two tabs see each other');

  await grace.waitForSelector('.tile.speaking', { timeout: 8000 });
  await until('figures are shown', async () => (
    /round trip \d+ ms .* down [1-9]/.test(await grace.textContent('#figures'))), { timeoutMs: 8000 });
  await shoot(ada, 'call');
  await ada.click('#toggle-mic');
  await grace.waitForSelector('.tile.muted', { timeout: 5000 });
  await ada.click('#toggle-mic');
  await until('nobody is muted', async () => (await grace.$$('.tile.muted')).length === 0);
  t.step('who speaks, figures, mute');

  await grace.setViewportSize({ width: 390, height: 844 });
  await shoot(grace, 'call-on-a-phone');
  await ada.click('#hang-up-button');
  await until('one tile is left', async () => (await grace.$$('.tile')).length === 1);
  equal(await ada.isVisible('#join'), true, 'the lobby is back');
  await ada.click('#join');
  for (const tab of [ada, grace]) await twoTilesPlay(tab);
  t.step('left and came back');
  equal([...ada.crashes, ...grace.crashes], [], 'errors thrown by the page');
  t.step(`screenshots in ${shots}`);
}
