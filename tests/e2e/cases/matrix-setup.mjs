// What `fovea setup` writes and says is taken word for word: by a real Synapse, which starts with the
// registration and the lines to add to its configuration, and by the focus, which it then pushes to.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspectText, keepSecretsOfYaml } from '../lib/canary.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { Service, freePorts } from '../lib/service.mjs';
import { Synapse, synapsePorts } from '../lib/synapse.mjs';

export const about = 'Synapse and focus start with what fovea setup writes, and find each other';
export const timeoutSeconds = 60;

const NAME = 'fovea.test';

export async function run(t) {
  const [http] = await freePorts(1);
  const ports = await synapsePorts();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-setup-'));
  onCleanup('files of setup', () => fs.rmSync(folder, { recursive: true, force: true }));
  const said = execFileSync(focusBinary(), [
    'setup', '--server-name', NAME, '--host', `127.0.0.1:${http}`, '--out', folder,
    '--homeserver-url', `http://127.0.0.1:${ports.http}`, '--focus-url', `http://127.0.0.1:${http}`,
  ], { encoding: 'utf8' });
  for (const file of ['fovea.yaml', 'fovea-registration.yaml']) {
    equal(fs.statSync(path.join(folder, file)).mode & 0o777, 0o600, `who may read ${file}`);
    keepSecretsOfYaml(fs.readFileSync(path.join(folder, file), 'utf8'));
  }
  inspectText('setup', said);
  const [, lines] = said.match(/^1\. Synapse: [^\n]*\n\n([\s\S]*?)\n# and a listener/m) ?? [];
  check(lines !== undefined, 'no lines for Synapse', said);

  const focus = new Service('focus', focusBinary(), [
    'serve', '--config', path.join(folder, 'fovea.yaml'), '--port', String(http), '--udp-port', '0',
  ]);
  await focus.healthy(`http://127.0.0.1:${http}/healthz`);
  t.watch(focus);
  const synapse = await Synapse.start({ name: NAME, ports, more: lines });
  t.watch(synapse);
  t.step('Synapse started with the lines that setup printed');

  await until('the focus is pushed to', () => focus.tail(200).includes('the homeserver pushes to this focus'),
    { timeoutMs: 20000, describe: () => focus.tail(20) });
  const alice = await synapse.register('alice');
  const found = await alice.call('GET', '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports');
  equal(found.rtc_transports, [
    { type: 'livekit', livekit_service_url: `https://127.0.0.1:${http}` },
  ], 'what the homeserver advertises');
  const room = await alice.createRoom({ name: 'A call' });
  const answer = await fetch(`http://127.0.0.1:${http}/sfu/get`, {
    method: 'POST',
    body: JSON.stringify({ room, device_id: 'DEVICE', openid_token: await alice.openId() }),
  });
  const token = await answer.json();
  equal([answer.status, token.url], [200, `wss://127.0.0.1:${http}`], 'a token for a member of the room');
  t.step('pushes arrive, the focus is advertised, a member gets a token');
}
