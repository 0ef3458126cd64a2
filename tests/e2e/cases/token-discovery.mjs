// Where a homeserver is found by its name alone: the document it serves, SRV records, port 8448; over TLS, with
// names in a DNS of the case's own.
import { DnsServer } from '../lib/dns-server.mjs';
import { check, equal } from '../lib/expect.mjs';
import { namespaces } from '../lib/netns.mjs';
import { OpenIdServer, post, sfuGet } from '../lib/openid-server.mjs';
import { TestCa } from '../lib/test-ca.mjs';

export const about = 'homeservers found by name: well-known delegation, SRV, 8448; whose certificate and whose users';
export const timeoutSeconds = 60;
export const needsNamespaces = true;

export async function run(t) {
  const here = namespaces();
  const address = here.clientIp;
  const ca = new TestCa();
  const world = { t, address, ca, dns: await DnsServer.start(address, zoneAt(address)) };
  world.focus = await t.focus({
    address: here.serverIp,
    netns: here.server,
    etc: world.dns.etcFiles(),
    config: {
      access: { full_access_homeservers: ['*'] },
      // Not the other address of the veth: what leads there is off limits.
      federation: { allow_networks: [`${address}/32`], ca_file: ca.file },
    },
  });
  await byDocument(world);
  await bySrv(world);
  await byPort(world);
  await strays(world);
}

function zoneAt(address) {
  const host = { A: [address] };
  return {
    'document.test': host, 'named.test': host, 'target.test': host, 'plain.test': host, 'stray.test': host,
    'direct.test': host, 'other.test': host,
    // Nobody listens at the better record, which comes first.
    '_matrix-fed._tcp.direct.test': {
      SRV: [{ target: 'target.test', port: 8451, priority: 20 }, { target: 'other.test', port: 9, priority: 10 }],
    },
    // Only the service's older name.
    '_matrix._tcp.old.test': { SRV: [{ target: 'target.test', port: 8452 }] },
    'old.test': host,
    '_matrix-fed._tcp.delegated.test': { SRV: [{ target: 'target.test', port: 8453 }] },
    '_matrix-fed._tcp.wrong.test': { SRV: [{ target: 'target.test', port: 8454 }] },
    'wrong.test': host,
    'redirected.test': host,
  };
}

const ask = ({ focus }, server, name = server.name) => post(focus, '/sfu/get', sfuGet(server.openId('alice', name)));

async function findsAt(world, server, host, what) {
  const answer = await ask(world, server);
  equal(answer.status, 200, `${what} (${answer.text})`);
  equal(server.lookups.at(-1).host, host, `Host that the server saw: ${what}`);
  const { sub } = JSON.parse(atob(answer.jwt.split('.')[1]));
  equal(sub, `@alice:${server.name}:DEVICE`, `whose token it is: ${what}`);
}

// One listener at 443 for all names, whose document depends on the name asked for.
async function byDocument(world) {
  const { t, address, ca } = world;
  const documents = {
    'document.test': `${address}:8448`, 'named.test': 'target.test:8450', 'over.test': 'delegated.test',
  };
  world.dns.zone['over.test'] = { A: [address] };
  const names = [...Object.keys(documents), 'stray.test', 'redirected.test'];
  world.front = await OpenIdServer.start({
    address, port: 443, files: ca.issue(...names),
    wellKnown: (request, response) => {
      const { host } = request.headers;
      if (host === 'redirected.test') return response.writeHead(302, { location: world.redirect }).end();
      if (!documents[host]) return response.writeHead(404).end();
      return response.end(JSON.stringify({ 'm.server': documents[host] }));
    },
  });
  const at = (port, name, ...subjects) => OpenIdServer.start({ address, port, name, files: ca.issue(...subjects) });
  // Certificates are for what the document names, not for what the user is called after.
  const toAddress = await at(8448, 'document.test', address, 'plain.test');
  await findsAt(world, toAddress, `${address}:8448`, 'a document that names an address and a port');
  await findsAt(world, await at(8450, 'named.test', 'target.test'), 'target.test:8450', 'a document that names a host');
  await findsAt(world, await at(8453, 'over.test', 'delegated.test'), 'delegated.test', 'a document that leads to SRV');

  for (const stranger of [`${address}:8448`, 'named.test', 'sub.document.test', 'document.test:8448']) {
    toAddress.lie = (_, response) => response.end(JSON.stringify({ sub: `@alice:${stranger}` }));
    equal((await ask(world, toAddress)).status, 401, `a user of ${stranger}, said by document.test`);
  }
  Object.assign(toAddress, { lie: null, name: 'plain.test' });
  world.plain = toAddress;
  t.step('delegation by document: to an address, a host with a port, a host with SRV records');
}

async function bySrv(world) {
  const { t, address, ca, dns } = world;
  const direct = await OpenIdServer.start({
    address, port: 8451, name: 'direct.test', files: ca.issue('direct.test'),
  });
  await findsAt(world, direct, 'direct.test', 'SRV records, the first of them dead');
  const old = await OpenIdServer.start({ address, port: 8452, name: 'old.test', files: ca.issue('old.test') });
  await findsAt(world, old, 'old.test', "SRV records of the service's older name");
  // SRV is not signed: whoever forges it has a certificate of their own name only.
  const wrong = await OpenIdServer.start({ address, port: 8454, name: 'wrong.test', files: ca.issue('target.test') });
  equal((await ask(world, wrong)).status, 401, 'a certificate of the SRV target');
  equal(wrong.lookups.length, 0, 'tokens that it was given');
  check(wrong.connections > 0, 'it was never found');
  const asked = dns.asked.filter((question) => question.endsWith('_tcp.old.test'));
  equal(asked, ['SRV _matrix-fed._tcp.old.test', 'SRV _matrix._tcp.old.test'], 'questions about old.test');
  t.step('SRV: both names of the service, priorities, certificates of the server itself');
}

async function byPort(world) {
  await findsAt(world, world.plain, 'plain.test', 'neither document nor SRV records');
  equal((await ask(world, world.plain, 'nowhere.test')).status, 401, 'a name that is not in DNS');
  world.t.step('port 8448 when there is nothing else');
}

// What a document or a record leads to is held to the same rules as what a user names.
async function strays(world) {
  const { t, dns, front } = world;
  const here = namespaces();
  const { connections } = front;
  dns.zone['inside.test'] = { A: [here.serverIp, '127.0.0.1', '169.254.169.254'] };
  dns.zone['_matrix-fed._tcp.stray.test'] = {
    SRV: [{ target: 'inside.test', port: Number(new URL(world.focus.httpUrl).port) }],
  };
  equal((await ask(world, front, 'stray.test')).status, 401, 'SRV records that lead inside');
  world.redirect = 'https://inside.test/.well-known/matrix/server';
  equal((await ask(world, front, 'redirected.test')).status, 401, 'a redirect that leads inside');
  check(front.connections > connections, 'the redirect was never asked for');
  check(dns.asked.includes('A inside.test'), 'nobody looked where it leads');
  equal((await ask(world, front, 'inside.test')).status, 401, 'a name whose addresses are inside');
  t.step('no name leads to an address that is off limits');
}
