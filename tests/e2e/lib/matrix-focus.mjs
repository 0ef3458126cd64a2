// The focus under test as a homeserver sees it: a URL to advertise, and a registration. FOVEA_E2E_FOCUS
// chooses whose it is, so that a case can be held against the programs that Fovea replaces:
//   fovea     (default) one `fovea serve`
//   livekit   LiveKit's server and its Matrix token service, by LIVEKIT_SERVER_BIN and LK_JWT_BIN
//   sfu       Fovea in the place of LiveKit's server, behind that token service
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { appserviceFor } from './appservice.mjs';
import { onCleanup } from './cleanup.mjs';
import { Skip } from './expect.mjs';
import { focusBinary } from './focus.mjs';
import { Service, freePorts } from './service.mjs';
import { API_KEY, API_SECRET } from './tokens.mjs';
import { merge, toYaml } from './yaml.mjs';

export const focusKind = process.env.FOVEA_E2E_FOCUS ?? 'fovea';

// Ports and names, known before anything runs: homeserver and focus need each other's address.
// lk-jwt-service only finds a homeserver by its name over TLS, so there the name is an address.
export async function planFocus(synapsePorts, registration = {}) {
  const [http, token] = await freePorts(2);
  if (focusKind !== 'fovea') {
    return {
      serverName: `127.0.0.1:${synapsePorts.tls}`, serviceUrl: `http://127.0.0.1:${token}`, http, token,
      evicts: false,
    };
  }
  const serverName = 'fovea.test';
  const serviceUrl = `http://127.0.0.1:${http}`;
  const appservice = appserviceFor(serverName, serviceUrl, registration);
  const plan = { serverName, serviceUrl, http, evicts: true, appservice };
  return { ...plan, registration: registration.proxied ? printedRegistration(plan) : appservice };
}

// What an operator with `access.delegation: on` is given to hand to the homeserver.
function printedRegistration(plan) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-registration-'));
  onCleanup('registration folder', () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'fovea.yaml');
  const config = { keys: { [API_KEY]: API_SECRET }, access: { delegation: 'on' } };
  fs.writeFileSync(file, toYaml(merge(matrixConfig(plan, 'http://127.0.0.1'), config)), { mode: 0o600 });
  return execFileSync(focusBinary(), ['registration', file], { encoding: 'utf8' });
}

export async function startFocus(t, plan, homeserverUrl, config = {}) {
  if (focusKind === 'fovea') return t.focus({ config: merge(matrixConfig(plan, homeserverUrl), config) });
  const focus = focusKind === 'sfu'
    ? await t.focus({ config: { port: plan.http, ...upstreamConfig(plan) } })
    : await startLiveKit(t, plan);
  await startTokenService(t, plan, homeserverUrl);
  return focus;
}

// The blocks of Fovea's configuration that make it a focus for one homeserver.
export function matrixConfig(plan, homeserverUrl) {
  const { id, as_token, hs_token, sender_localpart } = plan.appservice;
  return {
    port: plan.http,
    homeserver: { name: plan.serverName, url: homeserverUrl },
    appservice: { id, as_token, hs_token, sender_localpart },
    access: {
      public_url: `ws://127.0.0.1:${plan.http}`,
      full_access_homeservers: [plan.serverName],
    },
  };
}

// What LiveKit's server is told where a token service sits before it.
const upstreamConfig = (plan) => ({
  room: { auto_create: false },
  webhook: { api_key: API_KEY, urls: [`${plan.serviceUrl}/sfu_webhook`] },
});

function programAt(variable) {
  if (!process.env[variable]) throw new Skip(`${variable} names no program`);
  return process.env[variable];
}

async function startLiveKit(t, plan) {
  const program = programAt('LIVEKIT_SERVER_BIN');
  const [udp, tcp] = await freePorts(2);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-livekit-'));
  onCleanup('LiveKit folder', () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'livekit.yaml');
  fs.writeFileSync(file, toYaml({
    port: plan.http,
    bind_addresses: ['127.0.0.1'],
    rtc: { udp_port: udp, tcp_port: tcp, node_ip: '127.0.0.1', enable_loopback_candidate: true },
    ...upstreamConfig(plan),
    keys: { [API_KEY]: API_SECRET },
  }));
  const server = t.watch(new Service('livekit', program, ['--config', file]));
  await server.healthy(`http://127.0.0.1:${plan.http}/`);
  return { httpUrl: `http://127.0.0.1:${plan.http}`, wsUrl: `ws://127.0.0.1:${plan.http}` };
}

async function startTokenService(t, plan, homeserverUrl) {
  const tokens = t.watch(new Service('lk-jwt', programAt('LK_JWT_BIN'), [], {
    env: {
      LIVEKIT_URL: `ws://127.0.0.1:${plan.http}`,
      LIVEKIT_KEY: API_KEY,
      LIVEKIT_SECRET: API_SECRET,
      LIVEKIT_JWT_BIND: `127.0.0.1:${plan.token}`,
      LIVEKIT_FULL_ACCESS_HOMESERVERS: plan.serverName,
      LIVEKIT_CS_API_URL_OVERRIDES: `${plan.serverName}=${homeserverUrl}`,
      LIVEKIT_INSECURE_SKIP_VERIFY_TLS: 'YES_I_KNOW_WHAT_I_AM_DOING',
    },
  }));
  await tokens.healthy(`${plan.serviceUrl}/healthz`);
}
