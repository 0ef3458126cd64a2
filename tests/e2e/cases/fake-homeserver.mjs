// The fake homeserver against itself: what cases rely on must be true of it. No focus takes part.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { appserviceFor } from '../lib/appservice.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { atLeast, check, equal, rejects, sleep, until } from '../lib/expect.mjs';
import { FakeHomeserver } from '../lib/fake-homeserver/server.mjs';
import { MatrixUser } from '../lib/matrix-user.mjs';
import { selfSigned } from '../lib/synapse.mjs';

export const about = 'the fake homeserver pushes, delays, syncs and fails as cases expect of it';
export const timeoutSeconds = 40;

const DELAYED = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
const LEAVE_AFTER = (ms) => `org.matrix.msc4140.delay=${ms}`;

// An application service that answers what `service.status` says and keeps what it is sent.
async function appserviceStub() {
  const service = { status: 200, transactions: [], pings: [] };
  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const isPing = request.url.endsWith('/ping');
    if (isPing) service.pings.push(JSON.parse(text).transaction_id);
    else if (service.status === 200) {
      const id = request.url.split('/').at(-1);
      service.transactions.push({ id, events: JSON.parse(text).events, auth: request.headers.authorization });
    }
    response.writeHead(service.status).end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup('application service stub', () => server.closeAllConnections() ?? server.close());
  service.url = `http://127.0.0.1:${server.address().port}`;
  return service;
}

export async function run(t) {
  const service = await appserviceStub();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-fake-'));
  onCleanup('certificates', () => fs.rmSync(folder, { recursive: true }));
  const hs = await FakeHomeserver.start({
    appservice: appserviceFor('fake.test', service.url), tls: selfSigned(folder),
    focusUrl: 'http://focus.test', push: { secondMs: 20 },
  });
  const as = (localpart) => Object.assign(
    new MatrixUser(hs.url, `@${localpart}:fake.test`), { token: hs.user(localpart).token });
  const [alice, bob] = [as('alice'), as('bob')];
  const room = hs.createRoom(hs.user('alice'));
  await pushes(t, hs, service, room);
  await recovers(t, hs, service, room);
  await delays(t, hs, room, alice, bob);
  await masquerades(t, hs, room, alice);
  await syncs(t, hs, room, alice);
  await provesIdentity(t, hs, alice);
  await misbehaves(t, hs, alice);
}

async function pushes(t, hs, service, room) {
  room.join('@bob:fake.test');
  for (let i = 0; i < 250; i += 1) room.send('@bob:fake.test', 'm.room.message', { body: String(i) });
  await hs.pusher.idle();
  const events = service.transactions.flatMap((txn) => txn.events);
  equal(events.map((e) => e.event_id), room.timeline.map((e) => e.event_id), 'events pushed, in order');
  check(service.transactions.every((txn) => txn.events.length <= 100), 'a transaction is too long');
  equal(service.transactions.map((txn) => txn.id), service.transactions.map((_, i) => String(i + 1)), 'ids');
  equal(service.transactions[0].auth, `Bearer ${hs.appservice.hs_token}`, 'authorisation');
  const first = service.transactions[0];
  await hs.pusher.replay(first.id);
  equal(service.transactions.at(-1).id, first.id, 'the id of a replay');
  t.step('pushes in order, at most 100 at once, and can replay');
}

async function recovers(t, hs, service, room) {
  service.status = 502;
  const before = service.transactions.length;
  const attempts = hs.pusher.sent.length;
  room.send('@bob:fake.test', 'm.room.message', { body: 'one' });
  await until('three attempts failed', () => hs.pusher.sent.length >= attempts + 3, { timeoutMs: 3000 });
  const tries = hs.pusher.sent.slice(attempts);
  equal(new Set(tries.map((txn) => txn.id)).size, 1, 'transactions tried while one fails');
  atLeast(tries[1].at - tries[0].at, 38, 'ms before the second attempt');
  atLeast(tries[2].at - tries[1].at, 78, 'ms before the third');
  room.send('@bob:fake.test', 'm.room.message', { body: 'two' });
  service.status = 200;
  // A ping that succeeds makes the back-off end at once, as in Synapse.
  const answer = await fetch(`${hs.url}/_matrix/client/v1/appservice/fovea/ping`, {
    method: 'POST', body: '{"transaction_id":"here"}',
    headers: { authorization: `Bearer ${hs.appservice.as_token}` },
  });
  equal(answer.status, 200, 'the ping');
  equal(service.pings, ['here'], 'pings that came back');
  await hs.pusher.idle({ timeoutMs: 300 });
  const bodies = service.transactions.slice(before).flatMap((txn) => txn.events).map((e) => e.content.body);
  equal(bodies, ['one', 'two'], 'events after the recovery');
  t.step('backs off, keeps the order, resumes on a ping');
}

async function delays(t, hs, room, alice, bob) {
  const member = (query) => alice.call('PUT',
    `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/state/org.matrix.msc3401.call.member/_a?${query}`, {});
  const { delay_id: fires } = await member(LEAVE_AFTER(60));
  const { delay_id: kept } = await member(LEAVE_AFTER(300));
  await until('the first delayed event fires', () => hs.delayed.acts('fired').length === 1);
  equal(hs.delayed.acts('fired')[0].id, fires, 'what fired');
  check(room.get('org.matrix.msc3401.call.member', '_a'), 'it is in the state');
  await alice.call('POST', `${DELAYED}/${kept}/restart`, {});
  equal((await rejects(bob.call('POST', `${DELAYED}/${kept}/send`, {}), 'a foreign send')).status, 404, 'status');
  equal((await fetch(`${hs.url}${DELAYED}/${kept}/send`, { method: 'POST', body: '{}' })).status, 200, 'no token');
  equal((await rejects(alice.call('POST', `${DELAYED}/${kept}/restart`, {}), 'restart after')).status, 404, 'status');
  const tooLong = await rejects(member(LEAVE_AFTER(1e9)), 'a delay of days');
  equal(tooLong.status, 400, 'status of a delay of days');
  t.step('delayed events fire, restart, are sent and known to their owner');
}

async function masquerades(t, hs, room) {
  const get = (path, user) => fetch(`${hs.url}${path}?${user ? `user_id=${user}` : ''}`, {
    headers: { authorization: `Bearer ${hs.appservice.as_token}` },
  });
  const state = `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/state`;
  equal((await get(state, '@alice:fake.test')).status, 200, 'state as a member');
  equal((await get(state, '@stranger:fake.test')).status, 403, 'state as a stranger');
  equal((await get(state)).status, 403, 'state as the service itself');
  const joined = `/_matrix/client/unstable/io.element.msc4502/rooms/${encodeURIComponent(room.id)}/is_joined`;
  const ask = async (query) => (await (await fetch(`${hs.url}${joined}?${query}`, {
    headers: { authorization: `Bearer ${hs.appservice.as_token}` },
  })).json()).joined;
  equal(await ask('mxid=@bob:fake.test'), true, 'bob is joined');
  equal(await ask('server_name=other.test'), false, 'other.test is joined');
  const members = `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/joined_members`;
  equal((await get(members)).status, 200, 'joined members as the service itself');
  room.join('@gone:fake.test');
  room.kick('@alice:fake.test', '@gone:fake.test');
  room.setState('@alice:fake.test', 'm.room.topic', '', { topic: 'since then' });
  const frozen = await (await get(state, '@gone:fake.test')).json();
  check(!frozen.some((e) => e.type === 'm.room.topic'), 'who left reads what came later');
  t.step('an application service reads as a member and only so');
}

async function syncs(t, hs, room, alice) {
  const sync = (query) => alice.call('GET', `/_matrix/client/v3/sync?${query}`);
  room.send('@bob:fake.test', 'org.matrix.msc4143.rtc.member', { msc4354_sticky_key: 'k' }, { stickyMs: 3600000 });
  const first = await sync('timeout=0');
  check(first.rooms.join[room.id].timeline.events.length > 250, 'the first sync has the timeline');
  const waiting = sync(`timeout=5000&since=${first.next_batch}`);
  await sleep(30);
  const pushed = hs.pusher.sent.length;
  hs.resetState(room, '@bob:fake.test', 'm.room.member', '@bob:fake.test', { membership: 'leave' });
  const after = (await waiting).rooms.join[room.id]['org.matrix.msc4222.state_after'].events;
  equal(after.map((e) => e.content.membership), ['leave'], 'state after a reset');
  equal(hs.pusher.sent.length, pushed, 'transactions pushed for a reset');
  t.step('/sync waits, and alone shows a state reset');
}

async function provesIdentity(t, hs, alice) {
  const { access_token: token } = await alice.openId();
  const userinfo = (base, secret) => new Promise((resolve, reject) => {
    const url = `${base}/_matrix/federation/v1/openid/userinfo?access_token=${secret}`;
    const get = base.startsWith('https') ? https.get : http.get;
    get(url, { rejectUnauthorized: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve([response.statusCode, JSON.parse(text)]);
    }).on('error', reject);
  });
  equal(await userinfo(hs.url, token), [200, { sub: '@alice:fake.test' }], 'userinfo');
  equal(await userinfo(hs.tlsUrl, token), [200, { sub: '@alice:fake.test' }], 'userinfo over TLS');
  equal((await userinfo(hs.url, 'other'))[0], 401, 'userinfo of an unknown token');
  t.step('OpenID tokens are checked, with and without TLS');
}

async function misbehaves(t, hs, alice) {
  const whoami = (options) => fetch(`${hs.url}/_matrix/client/v3/account/whoami`, {
    headers: { authorization: `Bearer ${alice.token}` }, ...options,
  });
  hs.faults.add({ kind: 'status', status: 429, retryAfterMs: 1500, times: 1 });
  const limited = await whoami();
  equal([limited.status, limited.headers.get('retry-after')], [429, '2'], 'the limited answer');
  hs.faults.add({ kind: 'drip', ms: 2, times: 1 });
  const started = Date.now();
  equal((await (await whoami()).json()).user_id, alice.id, 'the dripping answer');
  atLeast(Date.now() - started, 40, 'ms of the dripping answer');
  hs.faults.add({ kind: 'truncate', times: 1 });
  await rejects((async () => (await whoami()).json())(), 'half an answer');
  hs.faults.add({ kind: 'hang', times: 1 });
  await rejects(whoami({ signal: AbortSignal.timeout(100) }), 'no answer');
  hs.faults.add({ kind: 'garbage', times: 1 });
  await rejects((async () => (await whoami()).json())(), 'garbage');
  await hs.down();
  await rejects(whoami(), 'a homeserver that is down');
  await hs.up();
  equal((await whoami()).status, 200, 'a homeserver that is up again');
  t.step('429, drip, truncate, hang, garbage, down and up again');
}
