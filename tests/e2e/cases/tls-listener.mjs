// TLS on the focus's own port: browsers hold a call over wss, and a certificate is replaced under it.
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { Chromium } from '../lib/chromium.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';
import { selfSigned } from '../lib/synapse.mjs';

export const about = 'TLS on the own port: a call over wss; new files and SIGHUP change the certificate, not the call';
export const timeoutSeconds = 60;

export async function run(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-tls-'));
  onCleanup('certificates', () => fs.rmSync(folder, { recursive: true, force: true }));
  const files = selfSigned(folder);
  const first = fingerprintOf(files.cert);
  const focus = await t.focus({ config: { tls: { cert_file: files.cert, key_file: files.key } } });
  equal(await shown(focus), first, 'the certificate at first');

  const chromium = await Chromium.launch({ args: ['--ignore-certificate-errors'] });
  const [alice, bob] = [await chromium.page('alice'), await chromium.page('bob')];
  for (const peer of [alice, bob]) {
    await peer.join(focus);
    await peer.publish();
  }
  await everyoneSeesEveryone([alice, bob]);
  const watched = await Promise.all([alice, bob].map(sessionOf));
  t.step('alice and bob see and hear each other over wss');
  const goesOn = async (what) => {
    await everyoneSeesEveryone([alice, bob]);
    equal(await Promise.all([alice, bob].map(sessionOf)), watched, `sessions and tracks after ${what}`);
    for (const peer of [alice, bob]) {
      const broken = (await peer.events()).filter((e) => /^(disconnected|reconnect|signalReconnect)/.test(e.name));
      check(broken.length === 0, `${peer.name}'s connection broke after ${what}`, broken);
    }
  };

  selfSigned(folder);
  const second = fingerprintOf(files.cert);
  check(second !== first, 'openssl made the same certificate twice');
  equal(await shown(focus), first, 'the certificate before SIGHUP');
  process.kill(focus.pid, 'SIGHUP');
  await until('new connections are shown the new certificate', async () => (
    (await shown(focus)) === second), { timeoutMs: 5000 });
  await goesOn('a new certificate');
  t.step('new certificate for new connections, the call goes on');

  await staysAsItIs(focus, second, () => fs.writeFileSync(files.cert, 'not a certificate\n'));
  t.step('a certificate that is none is refused');
  await staysAsItIs(focus, second, () => {
    fs.copyFileSync(selfSigned(fs.mkdtempSync(path.join(folder, 'other-'))).cert, files.cert);
  });
  t.step('a certificate that does not fit the key is refused');
  await staysAsItIs(focus, second, () => fs.rmSync(files.key));
  t.step('a key that is missing is refused');
  await goesOn('certificates that are none');

  const carol = await chromium.page('carol');
  await carol.join(focus);
  await carol.seesMedia('alice', 'camera');
  t.step('and carol still comes in');
}

const fingerprintOf = (file) => new crypto.X509Certificate(fs.readFileSync(file)).fingerprint256;

// What a connection opened now is shown.
function shown(focus) {
  const { hostname, port } = new URL(focus.httpUrl);
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: hostname, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

async function sessionOf(peer) {
  const { sid, me, others } = await peer.state();
  return { sid, own: me.tracks.map((x) => x.sid), others: others.map((x) => x.sid) };
}

const complaints = (focus) => focus.tail(1000).split('\n')
  .filter((line) => / error .*the certificate stays as it is/.test(line)).length;

// After `spoil`, SIGHUP is answered with one line in the log and nothing else.
async function staysAsItIs(focus, fingerprint, spoil) {
  const before = complaints(focus);
  spoil();
  process.kill(focus.pid, 'SIGHUP');
  await until('the log says why the certificate stays', () => complaints(focus) === before + 1, {
    timeoutMs: 5000, describe: () => focus.tail(5),
  });
  equal(await shown(focus), fingerprint, 'the certificate after a bad one');
}
