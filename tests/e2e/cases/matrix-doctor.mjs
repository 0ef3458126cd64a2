// `fovea doctor` beside a real Synapse: nothing to say when all is well, and for each of the usual mistakes
// its name and its fix. What Synapse cannot be made to do, the fake homeserver does.
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { appserviceFor } from '../lib/appservice.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { expired, runDoctor, secureServer, stunServer } from '../lib/doctor.mjs';
import { check, equal } from '../lib/expect.mjs';
import { FakeHomeserver } from '../lib/fake-homeserver/server.mjs';
import { matrixConfig } from '../lib/matrix-focus.mjs';
import { freePorts } from '../lib/service.mjs';
import { Synapse, selfSigned, synapsePorts } from '../lib/synapse.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';
import { merge, toYaml } from '../lib/yaml.mjs';

export const about = 'fovea doctor: silent about a sound focus, names the fix of every usual mistake';
export const timeoutSeconds = 120;
// The well-known document is looked for at port 443, and media is cut off.
export const needsNamespaces = true;

// Well-known documents are found by a server's name, so the name is an address.
const NAME = '127.0.0.1';
const CHECKS = [
  'homeserver', 'clock', 'delayed-events', 'sticky-events', 'registration', 'transports', 'membership', 'push',
  'openid', 'well-known', 'federation', 'public-url', 'certificate', 'public-health', 'token-service', 'websocket',
  'round-trip', 'certificate-file', 'transactions', 'tcp-ports', 'udp-ports', 'media', 'addresses',
];

export async function run(t) {
  const ground = await Ground.start(t);
  await ground.healthy();
  await ground.homeservers();
  await ground.discovery();
  await ground.certificates();
  await ground.media();
  await ground.withoutFocus();
}

class Ground {
  static async start(t) {
    const self = Object.assign(new Ground(), { t });
    self.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-doctor-'));
    onCleanup('files of the doctor', () => fs.rmSync(self.folder, { recursive: true, force: true }));
    self.files = selfSigned(self.folder);
    const [http, tls, udp] = await freePorts(3);
    Object.assign(self, { http, tls, udp });
    self.service = `https://127.0.0.1:${tls}`;
    self.appservice = appserviceFor(NAME, `http://127.0.0.1:${http}`);
    const ports = await synapsePorts();
    const plan = { http, appservice: self.appservice, serverName: NAME };
    self.config = merge(matrixConfig(plan, `http://127.0.0.1:${ports.http}`), {
      bind_addresses: ['127.0.0.1'],
      keys: { [API_KEY]: API_SECRET },
      room: { auto_create: false },
      tls: { cert_file: self.files.cert, key_file: self.files.key, port: tls },
      rtc: { udp_port: `${udp}-${udp + 1}`, node_ip: '127.0.0.1', workers: 2 },
      access: { public_url: `wss://127.0.0.1:${tls}` },
    });
    const poorPorts = await synapsePorts();
    [self.focus, self.synapse, self.poor, self.stun] = await Promise.all([
      t.focus({ config: self.config }),
      Synapse.start({ name: NAME, ports, focusUrl: self.service, appservice: self.appservice }),
      Synapse.start({
        name: NAME, ports: poorPorts,
        appservice: { ...self.appservice, hs_token: 'another', namespaces: { users: [] } },
        more: poorSettings(poorPorts),
      }),
      stunServer('127.0.0.1'),
    ]);
    t.watch(self.synapse);
    t.watch(self.poor);
    self.wellKnown = {
      cors: { 'access-control-allow-origin': '*' },
      document: {
        'org.matrix.msc4143.rtc_foci': [{ type: 'livekit', livekit_service_url: self.service }],
      },
    };
    await secureServer(self.files, 443, (_, response) => {
      const { cors, document } = self.wellKnown;
      response.writeHead(200, { 'content-type': 'application/json', ...cors }).end(JSON.stringify(document));
    });
    // Where other servers look for the homeserver.
    await secureServer(self.files, 8448, async (request, response) => {
      const answer = await fetch(`${self.federation}${request.url}`);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
    self.federation = self.synapse.url;
    self.alice = await self.synapse.register('alice');
    await self.alice.createRoom({ name: 'A call' });
    t.step('a sound Synapse, a poor one, a focus with TLS, a well-known document, a STUN server');
    return self;
  }

  // What the doctor finds: status, text and, by check, {verdict, observed, fix}.
  async look(changes = {}, { ca = this.files.cert, stun = this.stun, asText = false, user = this.alice.token } = {}) {
    const args = ['--ca-file', ca, '--stun', stun, ...(asText ? [] : ['--json'])];
    const found = await runDoctor(this.folder, merge(this.config, changes), args, {
      userToken: user,
      secrets: [this.appservice.as_token, this.appservice.hs_token, API_SECRET, this.alice.token],
    });
    if (asText) return found;
    const list = JSON.parse(found.text);
    return { ...found, list, checks: Object.fromEntries(list.map((finding) => [finding.check, finding])) };
  }

  // One mistake, and what has to be said of it: which check, its verdict, words of its fix.
  async names(what, found, checkName, verdict, fix) {
    const { list, checks, status } = await found;
    const finding = checks[checkName];
    equal(finding?.verdict, verdict, `${what}: verdict on ${checkName} (${JSON.stringify(list)})`);
    check(fix.test(finding.fix), `${what}: the fix of ${checkName} lacks ${fix}`, finding);
    if (verdict === 'fail') equal(status, 1, `${what}: exit status`);
    this.t.step(`${what}: ${checkName}: ${finding.observed}`);
  }

  async healthy() {
    const { status, list, checks } = await this.look();
    const wrong = list.filter((finding) => finding.verdict !== 'pass');
    // Its own authority, and a certificate of two days: what a test can have, and no operator wants.
    equal(wrong.map((finding) => [finding.check, finding.verdict]),
      [['certificate', 'warn'], ['certificate-file', 'warn']], `not passed (${JSON.stringify(wrong)})`);
    equal(list.map((finding) => finding.check), CHECKS, 'checks');
    equal(status, 0, 'exit status');
    for (const port of [this.udp, this.udp + 1]) {
      check(checks.media.observed.includes(`127.0.0.1:${port}`), `media port ${port} was not tried`, checks.media);
    }
    const said = await this.look({}, { asText: true });
    for (const name of CHECKS) {
      check(new RegExp(`^[✓!] ${name} `, 'm').test(said.text), `no line for ${name}`, said.text);
    }
    check(/21 passed, 2 warned, 0 failed, 0 skipped/.test(said.text), 'no sum', said.text);
    this.t.step('nothing is wrong with a sound focus');
    await this.names('no account to try with', this.look({}, { user: '' }), 'round-trip', 'skip', /FOVEA_USER_TOKEN/);
  }

  async homeservers() {
    const poor = await this.look({ homeserver: { url: this.poor.url } });
    await this.names('delayed events off', poor, 'delayed-events', 'fail', /max_event_delay_duration: 24h/);
    await this.names('sticky events off', poor, 'sticky-events', 'warn', /msc4354_enabled: true/);
    await this.names('rtc/transports off', poor, 'transports', 'fail', /msc4143_enabled: true/);
    await this.names('wrong hs_token', poor, 'push', 'fail', /hs_token.*fovea registration/s);
    await this.names('no resource openid', poor, 'openid', 'fail', /names: \[client, openid\]/);
    this.federation = this.poor.url;
    await this.names('no openid for other servers', this.look(), 'federation', 'warn', /\.well-known\/matrix\/server/);
    this.federation = this.synapse.url;
    const pat = await this.poor.register('pat');
    await this.names('a registration that covers nobody',
      this.look({ homeserver: { url: this.poor.url } }, { user: pat.token }), 'membership', 'fail', /namespaces/);
    const stranger = await this.look({ appservice: { as_token: 'nobody-has-this' } });
    await this.names('wrong as_token', stranger, 'registration', 'fail', /app_service_config_files/);
    await this.names('wrong as_token', stranger, 'push', 'skip', /^$/);
    const [port] = await freePorts(1);
    await this.names('no homeserver', this.look({ homeserver: { url: `http://127.0.0.1:${port}` } }),
      'homeserver', 'fail', /homeserver\.url/);

    const fake = await FakeHomeserver.start({
      name: NAME, appservice: this.appservice, focusUrl: 'https://127.0.0.1:1', clockAheadMs: 600000,
    });
    const skewed = await this.look({ homeserver: { url: fake.url } });
    await this.names('clocks ten minutes apart', skewed, 'clock', 'fail', /timedatectl set-ntp true/);
    check(/(599|600|601) s behind/.test(skewed.checks.clock.observed), 'how far', skewed.checks.clock);
    await this.names('another focus', skewed, 'transports', 'fail',
      new RegExp(`livekit_service_url: "${this.service}"`));
  }

  async discovery() {
    const { cors, document } = this.wellKnown;
    this.wellKnown = { cors, document: {} };
    await this.names('no rtc_foci', this.look(), 'well-known', 'warn', /org\.matrix\.msc4143\.rtc_foci/);
    this.wellKnown = { cors: {}, document };
    await this.names('no CORS', this.look(), 'well-known', 'warn', /Access-Control-Allow-Origin: \*/);
    this.wellKnown = { cors, document };
  }

  async certificates() {
    const shows = async (files) => (
      { access: { public_url: `wss://127.0.0.1:${await secureServer(files, 0, (_, r) => r.end())}` } });
    const old = expired(this.folder);
    await this.names('an expired certificate', this.look(await shows(old), { ca: old.cert }),
      'certificate', 'fail', /renew it.*kill -HUP/);
    const other = selfSigned(fs.mkdtempSync(path.join(this.folder, 'other-')), 'DNS:other.test');
    await this.names('a certificate for another host', this.look(await shows(other), { ca: other.cert }),
      'certificate', 'fail', /one that names 127\.0\.0\.1/);
    await this.names('a certificate nobody vouches for', this.look({}, { ca: other.cert }),
      'certificate', 'fail', /certificate authority/);
    await this.names('an expired file', this.look({ tls: { cert_file: old.cert, key_file: old.key } }),
      'certificate-file', 'fail', /renew it/);
  }

  async media() {
    for (const [what, ports] of [['UDP cut off', `{ ${this.udp}, ${this.udp + 1} }`],
      ['one of two ports cut off', this.udp + 1]]) {
      nft(`table inet doctor {
        chain arriving {
          type filter hook input priority 0;
          udp dport ${ports} drop
        }
      }`);
      await this.names(what, this.look(), 'media', 'fail', /open the UDP ports/);
      nft('delete table inet doctor');
    }
    const elsewhere = await stunServer('9.9.9.9');
    await this.names('another address outside', this.look({}, { stun: elsewhere }),
      'addresses', 'warn', /node_ip: 9\.9\.9\.9/);
    const [udp] = await freePorts(1);
    await this.names('other UDP ports than it was started with', this.look({ rtc: { udp_port: udp } }),
      'udp-ports', 'warn', /restart it/);
  }

  async withoutFocus() {
    this.focus.mayEnd = true;
    await this.focus.stop();
    const taken = dgram.createSocket('udp4');
    await new Promise((resolve) => taken.bind(this.udp, resolve));
    onCleanup('who holds the port', () => taken.close());
    const found = await this.look();
    await this.names('no focus', found, 'push', 'fail', /start the focus/);
    await this.names('no focus', found, 'public-health', 'fail', /the focus running/);
    await this.names('no focus', found, 'media', 'skip', /fovea serve/);
    await this.names('no focus', found, 'transactions', 'skip', /fovea serve/);
    await this.names('a taken UDP port', found, 'udp-ports', 'fail', /ss -lntup/);
    equal(found.checks['tcp-ports'].verdict, 'pass', 'verdict on free TCP ports');

    const other = net.createServer((socket) => socket.destroy());
    await new Promise((resolve) => other.listen(this.http, '127.0.0.1', resolve));
    onCleanup('who listens at the port', () => other.close());
    const held = await this.look();
    await this.names('a taken TCP port', held, 'tcp-ports', 'fail', /ss -lntup.*choose other ports/);
    const { observed } = held.checks['tcp-ports'];
    check(observed.includes(` ${this.http} `), `the taken port ${this.http} is not named`, observed);
    check(!observed.includes(String(this.tls)), `the free port ${this.tls} is named`, observed);
  }
}

// What beginners leave out.
const poorSettings = (ports) => toYaml({
  max_event_delay_duration: null,
  experimental_features: { msc4502_enabled: true, msc4512_enabled: true },
  listeners: [{
    type: 'http', bind_addresses: ['127.0.0.1'], port: ports.http,
    resources: [{ names: ['client'], compress: false }],
  }],
});

const nft = (rules) => execFileSync('nft', ['-f', '-'], { input: rules, stdio: 'pipe' });
