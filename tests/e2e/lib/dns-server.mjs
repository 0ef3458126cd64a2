// A name server for one case: the A and SRV records that the case gives it, and no other name. RFC 1035, RFC 2782.
import dgram from 'node:dgram';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';

const TYPES = { A: 1, SRV: 33 };
const TTL_SECONDS = 60;

const u16 = (...values) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
const labelBytes = (label) => Buffer.from([label.length, ...Buffer.from(label)]);
const nameBytes = (name) => Buffer.concat([...name.split('.').filter(Boolean), ''].map(labelBytes));

// The first question of a query: {name, type, end}.
function questionOf(query) {
  const labels = [];
  let at = 12;
  while (query[at] !== 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function recordBytes(type, value) {
  const data = type === TYPES.A
    ? Buffer.from(value.split('.').map(Number))
    : Buffer.concat([u16(value.priority ?? 10, value.weight ?? 0, value.port), nameBytes(value.target)]);
  // 0xc00c points back to the name that was asked for.
  return Buffer.concat([u16(0xc00c, type, 1, 0, TTL_SECONDS, data.length), data]);
}

export class DnsServer {
  asked = [];

  // `zone` is {name: {A: ['10.0.0.1'], SRV: [{target, port, priority, weight}]}}. Needs port 53 of `address`.
  static async start(address, zone) {
    const self = new DnsServer();
    Object.assign(self, { address, zone });
    const socket = dgram.createSocket('udp4');
    socket.on('message', (query, from) => socket.send(self.#answer(query), from.port, from.address));
    await new Promise((resolve, reject) => socket.on('error', reject).bind(53, address, resolve));
    onCleanup('name server', () => socket.close());
    self.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-dns-'));
    onCleanup('name server folder', () => fs.rmSync(self.folder, { recursive: true, force: true }));
    return self;
  }

  // Files of /etc that make a process ask this server and nothing else, to be laid over those of the machine.
  etcFiles() {
    const write = (name, text) => {
      const file = path.join(this.folder, name);
      fs.writeFileSync(file, text);
      return file;
    };
    return {
      'resolv.conf': write('resolv.conf', `nameserver ${this.address}\noptions timeout:1 attempts:2\n`),
      'nsswitch.conf': write('nsswitch.conf', 'hosts: files dns\n'),
    };
  }

  #answer(query) {
    const { name, type, end } = questionOf(query);
    this.asked.push(`${Object.keys(TYPES).find((key) => TYPES[key] === type) ?? type} ${name}`);
    const known = this.zone[name];
    const answers = Object.entries(known ?? {}).filter(([kind]) => TYPES[kind] === type)
      .flatMap(([, values]) => values.map((value) => recordBytes(type, value)));
    const flags = 0x8580 | (known ? 0 : 3);  // authoritative answer; 3: no such name
    const header = u16(query.readUInt16BE(0), flags, 1, answers.length, 0, 0);
    return Buffer.concat([header, query.subarray(12, end), ...answers]);
  }
}
