// How soon what is malformed is refused, with the clock of who asked: one request after another over a connection
// that is kept.
import http from 'node:http';
import { equal, until } from '../../tests/e2e/lib/expect.mjs';
import { FakeWorld } from '../../tests/e2e/lib/fake-world.mjs';

const WARM_UP = 100;
const DELEGATE = '/delegate_delayed_leave';
const CLIENT_ROUTES = ['/sfu/get', '/get_token', DELEGATE];
const PROXIED = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token';
const TOO_LONG = 1024 * 1024 + 1;

// Not JSON, not an object, cut short, of the wrong types, incomplete, and long without an end.
export const BODIES = [
  '', 'nonsense', '{"room":', '[]', '{}', '{"room":7,"room_id":7}', '{"room":"!r:x","openid_token":{}}',
  '{"room_id":"!r:x","slot_id":"m.call#ROOM","openid_token":{"access_token":"x"},"member":[]}',
  '['.repeat(10_000), `{"room":"${'x'.repeat(200_000)}`,
];

// What is sent where, and what the answer has to be. The last ones say that more than a mebibyte follows and wait for
// the answer.
function kinds({ plan }) {
  const asAlice = {
    authorization: `Bearer ${plan.appservice.hs_token}`, 'x-matrix-user-identifier': `@alice:${plan.serverName}`,
  };
  return [
    ...CLIENT_ROUTES.map((path) => ({ name: path, path, bodies: BODIES, status: 400 })),
    { name: 'proxied /get_token', path: PROXIED, headers: asAlice, bodies: BODIES, status: 400 },
    ...CLIENT_ROUTES.map((path) => ({
      name: `${path}, too long`, path, headers: { 'content-length': TOO_LONG }, status: 413,
    })),
  ];
}

// {name: milliseconds of each}.
export async function refuseMalformed(t, count) {
  const world = await FakeWorld.start(t, {
    people: ['host'], focusConfig: { logging: { level: 'info' }, access: { delegation: 'on' } },
  });
  await until('delegation is offered', async () => (await world.ask(DELEGATE, '')).status === 400);
  const waits = {};
  for (const kind of kinds(world)) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const all = [];
    for (let i = 0; i < WARM_UP + count; i += 1) all.push(await refuse(world.serviceUrl, agent, kind, i));
    waits[`${kind.name} to its ${kind.status}`] = all.slice(WARM_UP);
    agent.destroy();
  }
  return waits;
}

async function refuse(serviceUrl, agent, { path, headers = {}, bodies, status }, i) {
  const url = `${serviceUrl}${path}`;
  const body = bodies?.[i % bodies.length];
  const started = performance.now();
  const answer = await new Promise((resolve, reject) => {
    const request = http.request(url, { agent: bodies ? agent : false, method: 'POST', headers }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode);
        if (!bodies) request.destroy();
      });
    });
    request.on('error', reject);
    if (bodies) request.end(body);
    else request.flushHeaders();
  });
  const waited = performance.now() - started;
  equal(answer, status, `the answer to ${body?.slice(0, 60)}, sent to ${url}`);
  return waited;
}
