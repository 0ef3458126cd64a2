// `fovea doctor` as an operator runs it, and what it looks at besides the homeserver and the focus.
import { execFile, execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { inspectText, keepSecretsOf } from './canary.mjs';
import { onCleanup } from './cleanup.mjs';
import { check } from './expect.mjs';
import { focusBinary } from './focus.mjs';
import { toYaml } from './yaml.mjs';

// A key and a certificate for 127.0.0.1 that ended in 2020. Only `openssl ca` takes dates.
export function expired(folder) {
  const at = (name) => path.join(folder, name);
  fs.writeFileSync(at('index.txt'), '');
  fs.writeFileSync(at('ca.conf'), `[ca]
default_ca = case
[case]
database = ${at('index.txt')}
new_certs_dir = ${folder}
default_md = sha256
rand_serial = yes
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = IP:127.0.0.1
`);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-subj', '/CN=fovea case', '-keyout', at('old.key'), '-out', at('old.csr'));
  openssl('ca', '-batch', '-selfsign', '-notext', '-config', at('ca.conf'), '-in', at('old.csr'),
    '-keyfile', at('old.key'), '-out', at('old.crt'),
    '-startdate', '20200101000000Z', '-enddate', '20200201000000Z');
  return { cert: at('old.crt'), key: at('old.key') };
}

// An https server on 127.0.0.1 that answers every request with `answer(request, response)`.
export async function secureServer(files, port, answer) {
  const options = { cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) };
  const server = https.createServer(options, answer);
  await new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  onCleanup('https server', () => { server.closeAllConnections(); server.close(); });
  return server.address().port;
}

// A STUN server on 127.0.0.1 that sees everybody at `address`. RFC 8489.
export async function stunServer(address) {
  const socket = dgram.createSocket('udp4');
  const seen = address.split('.').map(Number);
  socket.on('message', (request, from) => {
    const magic = request.subarray(4, 8);
    const answer = Buffer.alloc(32);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(12, 2);
    request.copy(answer, 4, 4, 20);
    answer.writeUInt16BE(0x0020, 20);
    answer.writeUInt16BE(8, 22);
    answer[25] = 1;
    answer.writeUInt16BE(from.port ^ magic.readUInt16BE(0), 26);
    seen.forEach((byte, i) => { answer[28 + i] = byte ^ magic[i]; });
    socket.send(answer, from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onCleanup('STUN server', () => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

// {status, text} of one run over `config`. None of `secrets` may be in the text.
export async function runDoctor(folder, config, args, { userToken = '', secrets = [] } = {}) {
  const file = path.join(folder, 'doctor.yaml');
  keepSecretsOf(config);
  fs.writeFileSync(file, toYaml(config), { mode: 0o600 });
  const env = { ...process.env, FOVEA_USER_TOKEN: userToken };
  const { status, text } = await new Promise((resolve) => {
    execFile(focusBinary(), ['doctor', '--config', file, ...args], { env, timeout: 60000 },
      (error, stdout, stderr) => resolve({ status: error ? error.code : 0, text: stdout + stderr }));
  });
  inspectText('doctor', text);
  for (const secret of secrets) check(!text.includes(secret), 'a secret in what the doctor says', text);
  return { status, text };
}
