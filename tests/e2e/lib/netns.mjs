// A pair of network namespaces joined by a veth: clients in one, the focus in the other. Needed for
// Firefox, which never pairs with a candidate on loopback, and for loss that only this test feels.
import { execFileSync, spawn } from 'node:child_process';
import { onCleanup } from './cleanup.mjs';
import { Skip } from './expect.mjs';

const VARIABLE = 'FOVEA_E2E_NAMESPACES';
const TABLE = 'fovea_loss';

const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });

// The namespaces this process runs in, or null outside.
export function namespaces() {
  return process.env[VARIABLE] ? JSON.parse(process.env[VARIABLE]) : null;
}

// Runs this same script again inside a fresh client namespace and returns its exit status.
export async function runInNamespaces() {
  if (process.getuid() !== 0) throw new Skip('network namespaces need root');
  const tag = process.pid.toString(36);
  const here = {
    client: `fvc-${tag}`, server: `fvs-${tag}`, clientIp: '10.99.0.1', serverIp: '10.99.0.2',
  };
  try {
    create(here, tag);
  } catch (error) {
    remove(here);
    throw new Skip(`cannot make network namespaces here: ${error.stderr || error.message}`);
  }
  onCleanup('network namespaces', () => remove(here));
  const child = spawn('ip', ['netns', 'exec', here.client, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit', env: { ...process.env, [VARIABLE]: JSON.stringify(here) },
  });
  onCleanup('process in the namespace', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

function create(here, tag) {
  const [near, far] = [`fva${tag}`, `fvb${tag}`];
  run('ip', 'netns', 'add', here.client);
  run('ip', 'netns', 'add', here.server);
  run('ip', 'link', 'add', near, 'netns', here.client, 'type', 'veth', 'peer', 'name', far, 'netns', here.server);
  for (const [ns, device, ip] of [[here.client, near, here.clientIp], [here.server, far, here.serverIp]]) {
    run('ip', '-n', ns, 'link', 'set', 'lo', 'up');
    run('ip', '-n', ns, 'addr', 'add', `${ip}/24`, 'dev', device);
    run('ip', '-n', ns, 'link', 'set', device, 'up');
  }
  // Clients pick their addresses by asking for the way to the outside.
  run('ip', '-n', here.client, 'route', 'add', 'default', 'via', here.serverIp);
}

function remove(here) {
  for (const ns of [here.client, here.server]) {
    try {
      run('ip', 'netns', 'del', ns);
    } catch { /* It was never made. */ }
  }
}

// Drops that share of the UDP datagrams arriving on either side, at random; 0 ends it.
export function setLoss(here, permille) {
  const chance = permille < 1000 ? `numgen random mod 1000 < ${permille}` : '';
  const rules = `add table inet ${TABLE}
  delete table inet ${TABLE}
  table inet ${TABLE} {
    chain arriving {
      type filter hook input priority 0;
      iifname != "lo" meta l4proto udp ${chance} counter drop
    }
  }`;
  for (const ns of [here.client, here.server]) {
    execFileSync('ip', ['netns', 'exec', ns, 'nft', '-f', '-'], { input: rules, stdio: 'pipe' });
  }
}

// Datagrams dropped so far, {client, server}.
export function lossCounters(here) {
  const dropped = (ns) => {
    const listing = run('ip', 'netns', 'exec', ns, 'nft', 'list', 'table', 'inet', TABLE);
    return Number(/counter packets (\d+)/.exec(listing)?.[1] ?? 0);
  };
  return { client: dropped(here.client), server: dropped(here.server) };
}
