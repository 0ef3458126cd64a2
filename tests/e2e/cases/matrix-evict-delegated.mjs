// Whoever is put out must not stay in the call as a ghost: the leave that they delegated is sent, however far
// they had come, and once.
import { WebSocket } from 'ws';
import { onCleanup } from '../lib/cleanup.mjs';
import { atMost, equal, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'a kick sends the delegated leave, once: in the call, on the way in, with a token alone';
export const timeoutSeconds = 60;

const WITHIN_MS = 1000;
const KEPT_MS = 3600000;  // as Element Call has it: nothing is sent because of the time

export async function run(t) {
  const world = await FakeWorld.start(t, {
    people: ['alice', 'bob', 'carol', 'dave', 'erin'], focusConfig: { access: { delegation: 'on' } },
  });
  const alice = await world.enterCall('alice');
  await inTheCall(t, world);
  await withATokenAlone(t, world);
  await onTheWayIn(t, world);
  await withoutDelegation(t, world);
  await world.staysUp([alice], 300);
}

async function delegate(world, name) {
  const id = world.hs.delayed.schedule(world.id(name), KEPT_MS, {}, () => {});
  const { jwt, url } = await world.mint(name, { delay_id: id, delay_timeout: KEPT_MS });
  const acts = (what) => world.hs.delayed.acts(what).filter((act) => act.id === id).length;
  return { jwt, url, restarts: () => acts('restart'), sent: () => acts('send') };
}

const kick = (world, name) => world.room.kick(world.id('alice'), world.id(name));

async function sentOnce(t, world, name, leave, kicked) {
  await until(`${name}'s leave is sent`, () => leave.sent() > 0, { timeoutMs: 5000, everyMs: 10 });
  const ms = Date.now() - kicked;
  t.figure(`leave of ${name} sent after the kick, ms`, ms);
  atMost(ms, WITHIN_MS, `ms until ${name}'s leave`);
  const restarts = leave.restarts();
  await sleep(1500);
  equal([leave.sent(), leave.restarts()], [1, restarts], `sends of ${name}'s leave, and restarts`);
}

async function inTheCall(t, world) {
  const bob = await world.enterCall('bob');
  const leave = await delegate(world, 'bob');
  await until('the leave is restarted', () => leave.restarts() > 0);
  const kicked = Date.now();
  await world.evicts([bob], () => kick(world, 'bob'));
  await sentOnce(t, world, 'bob', leave, kicked);
  t.step('in the call: sent once');
}

async function withATokenAlone(t, world) {
  const leave = await delegate(world, 'carol');
  await sleep(500);
  equal(leave.sent(), 0, 'leaves sent before the kick');
  const kicked = Date.now();
  kick(world, 'carol');
  await sentOnce(t, world, 'carol', leave, kicked);
  equal(leave.restarts(), 0, 'restarts for who never came');
  t.step('with a token, and never there: sent once');
}

// The socket is open, no media has come. Somebody who gives up there says so to the homeserver; who is kicked does not.
async function onTheWayIn(t, world) {
  const leave = await delegate(world, 'dave');
  const query = new URLSearchParams({
    access_token: leave.jwt, protocol: '17', sdk: 'js', version: '2.23.0', auto_subscribe: '1',
  });
  const socket = new WebSocket(`${leave.url}/rtc?${query}`);
  onCleanup('socket of dave', () => socket.terminate());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  const kicked = Date.now();
  kick(world, 'dave');
  await sentOnce(t, world, 'dave', leave, kicked);
  await closed;
  t.step('on the way in: sent once');
}

async function withoutDelegation(t, world) {
  const erin = await world.enterCall('erin', { media: false });
  const id = world.hs.delayed.schedule(world.id('erin'), KEPT_MS, {}, () => {});
  await world.evicts([erin], () => kick(world, 'erin'));
  await sleep(1500);
  const about = world.hs.delayed.history.filter((act) => act.id === id).map((act) => act.what);
  equal(about, ['scheduled'], 'what happened to a leave that nobody delegated');
  equal(world.hs.delayed.acts('send').length, 3, 'leaves sent in all');
  t.step('not delegated: nothing is sent');
}
