// scripts/run, given a binary so that it builds nothing: the address that it prints is a page with a call in it.
import { fileURLToPath } from 'node:url';
import { twoTilesPlay } from '../lib/dev-page.mjs';
import { equal, until } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { Service } from '../lib/service.mjs';

export const about = 'scripts/run: the address that it prints opens in two tabs, and they hold a call';
export const timeoutSeconds = 60;

export async function run(t) {
  const script = fileURLToPath(new URL('../../../scripts/run', import.meta.url));
  const service = t.watch(new Service('scripts/run', script, ['--port', '0', '--udp-port', '0'], {
    env: { FOVEA_BIN: focusBinary() },
  }));
  const url = await until('scripts/run prints the address of its page', () => {
    service.assertAlive();
    return /: Open (http:\S+) in two tabs/.exec(service.tail())?.[1];
  }, { timeoutMs: 15000, describe: () => service.tail() });
  t.step(`scripts/run printed ${url}`);

  // As a person does it: a name, the room that is suggested, Join.
  const tabs = [];
  for (const name of ['Ada', 'Grace']) {
    const tab = await t.tab(url);
    await tab.fill('#name', name);
    await tab.click('#join');
    tabs.push(tab);
  }
  for (const tab of tabs) {
    await twoTilesPlay(tab);
    equal(tab.crashes, [], 'errors thrown by the page');
  }
  t.step('two tabs see each other');
}
