// What `fovea setup` prints for nginx and Caddy, taken word for word by both: a call through the one goes on through
// the other.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspectText } from '../lib/canary.mjs';
import { Chromium } from '../lib/chromium.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';
import { proxyLines, startCaddy, startNginx } from '../lib/reverse-proxy.mjs';
import { TestCa } from '../lib/test-ca.mjs';

export const about = 'nginx, then Caddy, as fovea setup has them, before the focus: a call outlives the change';
export const timeoutSeconds = 90;
export const needsNamespaces = true;  // ports 443 and 7880

const HOST = 'matrix-rtc.fovea.test';

export async function run(t) {
  const lines = proxyLines(whatSetupSays());
  const focus = await t.focus({ config: { port: 7880 } });
  let proxy = await startNginx(HOST, lines.nginx, new TestCa().issue(HOST));
  t.step('nginx took the lines');

  const chromium = await Chromium.launch({
    args: [`--host-resolver-rules=MAP ${HOST} 127.0.0.1`, '--ignore-certificate-errors'],
  });
  const join = async (name) => {
    const peer = await chromium.page(name);
    await peer.join(focus, { url: `wss://${HOST}` });
    await peer.publish();
    return peer;
  };
  const [alice, bob] = [await join('alice'), await join('bob')];
  await everyoneSeesEveryone([alice, bob]);
  await refusesAsDirectly(alice, focus);
  t.step('alice and bob see and hear each other through nginx');

  const before = await trackIds([alice, bob]);
  await proxy.stop();
  proxy = t.watch(await startCaddy(HOST, lines.caddy));
  t.step('Caddy took its place');
  for (const peer of [alice, bob]) await peer.event('reconnected', () => true, { timeoutMs: 30000 });
  await everyoneSeesEveryone([alice, bob]);
  equal(await trackIds([alice, bob]), before, 'tracks after the change of the proxy');
  const carol = await join('carol');
  await everyoneSeesEveryone([alice, bob, carol]);
  await refusesAsDirectly(carol, focus);
  t.step('the call went on, and carol came in through Caddy');
}

function whatSetupSays() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-setup-'));
  onCleanup('files of setup', () => fs.rmSync(folder, { recursive: true, force: true }));
  const said = execFileSync(focusBinary(), [
    'setup', '--server-name', 'fovea.test', '--host', HOST, '--out', folder,
  ], { encoding: 'utf8' });
  inspectText('setup', said);
  return said;
}

// Statuses, texts and CORS reach a page through the proxy as they left the focus.
async function refusesAsDirectly(peer, focus) {
  const ask = (base) => peer.page.evaluate(async (url) => {
    const answer = await fetch(`${url}/rtc/v1/validate`, { headers: { authorization: 'Bearer none' } });
    return [answer.status, await answer.text()];
  }, base);
  const direct = await ask(focus.httpUrl);
  equal(direct[0], 401, 'the status of a bad token');
  equal(await ask(`https://${HOST}`), direct, 'the same through the proxy');
}

async function trackIds(peers) {
  const ids = await Promise.all(peers.map(async (peer) => {
    const { sid, me, others } = await peer.state();
    check(others.length > 0, `${peer.name} is alone`);
    return [sid, ...me.tracks.map((x) => x.sid), ...others.map((x) => x.sid)];
  }));
  return ids.map((own) => own.sort());
}
