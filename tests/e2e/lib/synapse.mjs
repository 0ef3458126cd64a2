// A real Synapse for one case, from the Python environment that scripts/setup makes.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';
import { Skip, check } from './expect.mjs';
import { MatrixUser } from './matrix-user.mjs';
import { Service, freePorts } from './service.mjs';
import { synapseConfig, synapseLogging } from './synapse-config.mjs';
import { toYaml } from './yaml.mjs';

export async function synapsePorts() {
  const [http, tls] = await freePorts(2);
  return { http, tls };
}

// A key and a certificate for 127.0.0.1, or for `names`, that nobody else trusts.
export function selfSigned(folder, names = 'IP:127.0.0.1,DNS:localhost') {
  const files = { cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') };
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=fovea case', '-addext', `subjectAltName=${names}`,
    '-keyout', files.key, '-out', files.cert,
  ], { stdio: 'ignore' });
  return files;
}

export class Synapse {
  #secret = crypto.randomUUID();

  // `name` is the server's Matrix name, `focusUrl` what it advertises at rtc/transports, `appservice`
  // a registration (see appservice.mjs) or its text, `withTls` adds a listener at ports.tls, with a certificate of its
  // own or one {cert, key}, `more` is a second configuration file's text. `hurried` lets people send
  // faster than a homeserver for calls should.
  static async start({
    name = 'fovea.test', ports, focusUrl, appservice, withTls = false, more, hurried = false,
  } = {}) {
    const venv = process.env.FOVEA_SYNAPSE ?? '';
    const python = path.join(venv, 'bin', 'python');
    if (!fs.existsSync(path.join(venv, 'complete'))) throw new Skip('no Synapse: run scripts/setup');
    const self = new Synapse();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-synapse-'));
    onCleanup('Synapse folder', () => fs.rmSync(folder, { recursive: true, force: true }));
    const write = (file, text) => {
      const full = path.join(folder, file);
      fs.writeFileSync(full, text, { mode: 0o600 });
      return full;
    };
    self.name = name;
    self.ports = ports ?? (await synapsePorts());
    self.url = `http://127.0.0.1:${self.ports.http}`;
    write('log.yaml', synapseLogging);
    const config = write('homeserver.yaml', synapseConfig({
      name, folder, ports: self.ports, secret: self.#secret, focusUrl,
      registration: appservice && write(
        'appservice.yaml', typeof appservice === 'string' ? appservice : toYaml(appservice)),
      tls: withTls && (withTls.cert ? withTls : selfSigned(folder)),
      hurried,
    }));
    const files = more === undefined ? [config] : [config, write('more.yaml', more)];
    const args = ['-m', 'synapse.app.homeserver', ...files.flatMap((file) => ['-c', file])];
    // Its database goes with it, and a graceful end takes seconds.
    self.service = new Service('synapse', python, args, {
      cwd: folder, endSignal: 'SIGKILL',
    });
    await self.service.healthy(`${self.url}/health`, { timeoutMs: 40000 });
    return self;
  }

  // A new account by the admin API (its shared secret), logged in as `device`.
  async register(localpart, { admin = false, device } = {}) {
    const url = `${this.url}/_synapse/admin/v1/register`;
    const { nonce } = await (await fetch(url)).json();
    const password = crypto.randomUUID();
    const fields = [nonce, localpart, password, admin ? 'admin' : 'notadmin'];
    const mac = crypto.createHmac('sha1', this.#secret).update(fields.join('\0')).digest('hex');
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ nonce, username: localpart, password, admin, mac, inhibit_login: true }),
    });
    check(response.status === 200, `no account ${localpart}`, await response.json());
    const user = new MatrixUser(this.url, `@${localpart}:${this.name}`, password);
    await user.login(device);
    return user;
  }

  assertAlive() { this.service.assertAlive(); }
  tail(lines) { return this.service.tail(lines); }
}
