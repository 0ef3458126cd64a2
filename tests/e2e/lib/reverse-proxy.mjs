// nginx and Caddy as the distribution builds them, on port 443 of this network namespace, with what `fovea setup`
// prints for them. What a case adds is what that leaves to the operator: certificates.
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';
import { Skip, check, until } from './expect.mjs';
import { onPath } from './path.mjs';
import { Service } from './service.mjs';

// scripts/setup unpacks them into FOVEA_PROXIES.
function programOf(name) {
  const folder = path.join(process.env.FOVEA_PROXIES ?? '', name, 'usr');
  const unpacked = ['sbin', 'bin'].map((bin) => path.join(folder, bin, name));
  const found = unpacked.find(fs.existsSync) ?? onPath([name]);
  if (!found) throw new Skip(`no ${name}; scripts/setup gets it`);
  return found;
}

function statusOf(host) {
  return new Promise((resolve) => {
    https.get({ host: '127.0.0.1', servername: host, headers: { host }, rejectUnauthorized: false, agent: false },
      (response) => response.resume().on('end', () => resolve(response.statusCode)))
      .on('error', (error) => resolve(error.code));
  });
}

async function start(name, host, args, env = {}) {
  const service = new Service(name, programOf(name), args, { env });
  await until(`${name} passes requests on`, async () => {
    service.assertAlive();
    return (await statusOf(host)) === 200;
  }, { timeoutMs: 15000, everyMs: 50, describe: () => service.tail(20) });
  return service;
}

function temporaryFolder(name) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `fovea-${name}-`));
  onCleanup(`files of ${name}`, () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function startNginx(host, server, { cert, key }) {
  const folder = temporaryFolder('nginx');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `  ${what}_temp_path ${folder};`).join('\n');
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `daemon off;
user root;
pid ${folder}/pid;
error_log stderr;
events {}
http {
  access_log off;
  ssl_certificate ${cert};
  ssl_certificate_key ${key};
${temporary}
${server}
}
`);
  return start('nginx', host, ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf')]);
}

// Its own authority stands for Let's Encrypt.
export function startCaddy(host, site) {
  const folder = temporaryFolder('caddy');
  const file = path.join(folder, 'Caddyfile');
  fs.writeFileSync(file, `{
  admin off
  local_certs
  skip_install_trust
}
${site}
`);
  return start('caddy', host, ['run', '--config', file, '--adapter', 'caddyfile'],
    { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
}

// {nginx, caddy}: the lines for each in what `fovea setup` said.
export function proxyLines(said) {
  const [, caddy, nginx] = said.match(/\n# Caddy\n([\s\S]*?\n\}\n)\n# nginx\n([\s\S]*?\n\}\n)/) ?? [];
  check(caddy && nginx, 'no lines for reverse proxies', said);
  return { caddy, nginx };
}
