// Who is not put out at once, and who is, by everything that a room can say besides a kick. Each story has a room of
// its own, and all of them go on at the same time: the longest takes the two minutes of who withdrew.
import { DisconnectReason } from '@livekit/rtc-node';
import { Skip, atLeast, atMost, check, equal, sleep } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';

export const about = 'withdrawn, reset, slot closed: out after a grace; server denied, last local user gone: at once';
export const timeoutSeconds = 190;

const SLOT = 'org.matrix.msc4143.rtc.slot';
const AT_ONCE_MS = 2000;
// How late a step may be: it waits for an answer of the homeserver, and two cores are shared.
const LATE_MS = 4000;

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea puts anybody out');
  const world = await FakeWorld.start(t, { people: ['alice', 'bob', 'carol', 'dave'] });
  await Promise.all([
    withdraws(t, world), deniesServer(t, world), resets(t, world), losesHomeserver(t, world), closesSlot(t, world),
    opensSlotAgain(t, world),
  ]);
}

function within(ms, due, what) {
  atLeast(ms, due - 100, `ms until ${what}`);
  atMost(ms, due + LATE_MS, `ms until ${what}`);
}

// Milliseconds from `since` until the focus puts `peer` out.
async function outAfter(peer, since, withinMs) {
  const { at, args } = await peer.event('disconnected', () => true, { timeoutMs: withinMs });
  equal(DisconnectReason[args[0]], 'PARTICIPANT_REMOVED', `why ${peer.name} was put out`);
  return Math.round(at - since);
}

// Bob withdraws and stays connected; carol does and thinks better of it in time, dave when he may not publish any more.
async function withdraws(t, world) {
  const names = ['alice', 'bob', 'carol', 'dave'];
  const [alice, bob, carol, dave] = await Promise.all(names.map((name) => world.enterCall(name)));
  await world.everyoneSeesEveryone([alice, bob, carol, dave]);
  await world.delivered();
  const since = performance.now();
  for (const name of names.slice(1)) world.withdraw(name);
  await sleep(10000);
  world.announce('carol');

  for (const peer of [bob, dave]) {
    const { at } = await alice.event('trackUnpublished', (e) => e.args[1] === peer.identity, { timeoutMs: 30000 });
    within(Math.round(at - since), 30000, `${peer.name} publishes no more`);
  }
  await bob.seesMedia(alice.identity, 'camera');
  world.announce('dave');
  await world.delivered();
  await dave.publishVideo({ width: 160, height: 90, fps: 15 });
  await world.staysUp([alice, carol, dave]);
  t.step('after 30 s the right to publish is gone; who says again that they take part have it, or have it back');

  const ms = await outAfter(bob, since, 100000);
  t.figure('bob out after he withdrew, ms', ms);
  within(ms, 120000, 'bob is out');
  await world.refusesOldToken(bob, 'bob');
  equal((await world.askToken('bob')).status, 200, 'status of a new token for bob, who is in the room');
  await world.staysUp([alice, carol, dave], LATE_MS);
  t.step('withdrawn and still there: out after 120 s; those who came back are in');
}

// Rita lives on a server that the room denies then.
async function deniesServer(t, world) {
  const rita = '@rita:remote.test';
  const room = world.newRoom(['arthur']);
  room.join(rita);
  const host = await world.enterCall('arthur', { room });
  const guest = await world.enterProxied(rita, { room });
  await guest.seesMedia(host.identity, 'camera');
  await world.delivered();
  const ms = await world.evicts([guest], () => (
    room.setState(world.id('arthur'), 'm.room.server_acl', '', { allow: ['*'], deny: ['remote.test'] })));
  t.figure('rita out after her server was denied, ms', ms);
  atMost(ms, AT_ONCE_MS, 'ms until rita was out');
  const again = await world.askProxied(rita, { room });
  equal([again.status, again.errcode], [403, 'M_FORBIDDEN'], 'a new token for rita');
  await world.refusesOldToken(guest, 'rita');
  check(host.room.isConnected, 'arthur is out, too');
}

// No event says so, but rene and ruth are joined no more; when the focus looks again, ruth is.
async function resets(t, world) {
  const room = world.newRoom(['anton', 'rene', 'ruth', 'zoe']);
  const [rene, ruth] = await Promise.all([
    world.enterCall('rene', { room }), world.enterCall('ruth', { room })]);
  await world.everyoneSeesEveryone([rene, ruth]);
  await world.delivered();
  await sleep(1500);  // what was told within a second of the question is taken for the later word
  const looks = () => (
    world.hs.requests.filter((r) => decodeURIComponent(r.path).endsWith(`${room.id}/state`)).length);
  const membershipOfRuth = room.get('m.room.member', world.id('ruth'));
  for (const name of ['rene', 'ruth']) room.resetState(world.id(name), 'm.room.member', world.id(name));
  const since = performance.now();
  // The focus looks because somebody asks who is not in the room.
  world.users.mallory = world.hs.user('mallory');
  equal((await world.askToken('mallory', { room: room.id })).status, 403, 'status for somebody who is not in the room');
  room.restoreState(membershipOfRuth);
  const first = looks();
  const ms = await outAfter(rene, since, 15000);
  t.figure('rene out after the reset, ms', ms);
  within(ms, 5000, 'rene is out');
  atLeast(looks(), first + 1, 'looks at the state');
  await world.staysUp([ruth], 3000);
  equal((await world.askToken('ruth', { room: room.id })).status, 200, 'status of a new token for ruth');
}

// Nobody would tell us of the next kick.
async function losesHomeserver(t, world) {
  const rolf = '@rolf:remote.test';
  const room = world.newRoom(['anna']);
  room.join(rolf);
  const host = await world.enterCall('anna', { room });
  const guest = await world.enterProxied(rolf, { room });
  await guest.seesMedia(host.identity, 'camera');
  await world.delivered();
  const ms = await world.evicts([host, guest], () => room.leave(world.id('anna')));
  t.figure("all out after our homeserver's last user left, ms", ms);
  atMost(ms, AT_ONCE_MS, 'ms until anna and rolf were out');
}

// It binds those of the third generation; clients of the others do not see slots.
async function closesSlot(t, world) {
  const room = world.newRoom(['agnes', 'simon']);
  const host = await world.enterCall('agnes', { room });
  const guest = await world.enterProxied(world.id('simon'), { room });
  await guest.seesMedia(host.identity, 'camera');
  await world.delivered();
  const since = performance.now();
  room.setState(world.id('agnes'), SLOT, 'm.call#ROOM', { status: 'closed' });
  const ms = await outAfter(guest, since, 15000);
  t.figure('simon out after the slot was closed, ms', ms);
  within(ms, 5000, 'simon is out');
  const again = await world.askProxied(world.id('simon'), { room });
  equal([again.status, again.errcode], [403, 'M_FORBIDDEN'], 'a new token for simon');
  check(host.room.isConnected, 'agnes is out, too');
  equal((await world.askToken('agnes', { room: room.id })).status, 200, 'status of a new token for agnes');
}

async function opensSlotAgain(t, world) {
  const room = world.newRoom(['adam', 'sara']);
  const host = await world.enterCall('adam', { room });
  const guest = await world.enterProxied(world.id('sara'), { room });
  await world.delivered();
  room.setState(world.id('adam'), SLOT, 'm.call#ROOM', { status: 'closed' });
  await sleep(2000);
  room.setState(world.id('adam'), SLOT, 'm.call#ROOM', { status: 'open', application: { type: 'm.call' } });
  await sleep(3000 + LATE_MS);
  await guest.seesMedia(host.identity, 'camera');
  t.step('a slot that is open again within the grace puts nobody out');
}
