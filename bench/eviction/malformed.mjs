// How soon the three routes for clients refuse what is malformed, with the clock of who asked: one request after
// another over a connection that is kept.
import http from 'node:http';
import { equal, until } from '../../tests/e2e/lib/expect.mjs';
import { FakeWorld } from '../../tests/e2e/lib/fake-world.mjs';

const WARM_UP = 100;
const ROUTES = ['/sfu/get', '/get_token', '/delegate_delayed_leave'];

// Not JSON, not an object, cut short, of the wrong types, incomplete, and long without an end.
export const BODIES = [
  '', 'nonsense', '{"room":', '[]', '{}', '{"room":7,"room_id":7}', '{"room":"!r:x","openid_token":{}}',
  '{"room_id":"!r:x","slot_id":"m.call#ROOM","openid_token":{"access_token":"x"},"member":[]}',
  '['.repeat(10_000), `{"room":"${'x'.repeat(200_000)}`,
];

// {route: milliseconds of each}; every answer has to be a 400.
export async function refuseMalformed(t, count) {
  const world = await FakeWorld.start(t, {
    people: ['host'], focusConfig: { logging: { level: 'info' }, access: { delegation: 'on' } },
  });
  await until('delegation is offered', async () => (await world.ask(ROUTES[2], '')).status === 400);
  const waits = {};
  for (const route of ROUTES) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const all = [];
    for (let i = 0; i < WARM_UP + count; i += 1) {
      all.push(await refuse(`${world.serviceUrl}${route}`, agent, BODIES[i % BODIES.length]));
    }
    waits[route] = all.slice(WARM_UP);
    agent.destroy();
  }
  return waits;
}

async function refuse(url, agent, body) {
  const started = performance.now();
  const status = await new Promise((resolve, reject) => {
    const request = http.request(url, { agent, method: 'POST' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject).end(body);
  });
  const waited = performance.now() - started;
  equal(status, 400, `the answer to ${body.slice(0, 60)}, sent to ${url}`);
  return waited;
}
