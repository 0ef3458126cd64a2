// A certificate authority for one case, and certificates by it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class TestCa {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-ca-'));
    onCleanup('certificate authority', () => fs.rmSync(this.folder, { recursive: true, force: true }));
    this.file = path.join(this.folder, 'ca.crt');
    this.key = path.join(this.folder, 'ca.key');
    openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=authority of a case',
      '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', this.key, '-out', this.file);
  }

  // {cert, key}: files of a certificate for these names and addresses.
  issue(...subjects) {
    const base = path.join(this.folder, subjects[0].replace(/[^a-z0-9.]/g, '_'));
    const files = { cert: `${base}.crt`, key: `${base}.key` };
    const names = subjects.map((name) => `${net.isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',');
    const extensions = `${base}.ext`;
    fs.writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl('req', ...newKey, '-subj', '/CN=a case', '-keyout', files.key, '-out', `${base}.csr`);
    openssl('x509', '-req', '-in', `${base}.csr`, '-CA', this.file, '-CAkey', this.key, '-CAcreateserial',
      '-days', '2', '-extfile', extensions, '-out', files.cert);
    return files;
  }
}
