// A homeserver that is down, slow or broken changes no running call; when it is back, it is obeyed.
import { check, equal, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'a homeserver down, slow, failing and back: the call goes on, and then a kick still works';
export const timeoutSeconds = 90;

export async function run(t) {
  const world = await FakeWorld.start(t);
  const { hs } = world;
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  await world.everyoneSeesEveryone([alice, bob]);

  const troubles = [
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 429', { kind: 'status', status: 429 }],
    ['never answers', { kind: 'hang' }],
    ['cuts connections', { kind: 'reset' }],
    ['sends garbage', { kind: 'garbage' }],
    ['halves its answers', { kind: 'truncate' }],
  ];
  await deniesEverything(t, world, [alice, bob]);
  await answersLate(t, world, [alice, bob]);
  for (const [what, fault] of troubles) {
    hs.faults.add(fault);
    world.room.send(world.id('alice'), 'm.room.message', { body: what });
    world.announce('alice');
    await world.staysUp([alice, bob], 800);
    hs.faults.clear();
    t.step(`a homeserver that ${what}: the call goes on`);
  }
  for (let i = 0; i < 3; i += 1) {
    await hs.down();
    await sleep(500);
    const answer = await world.askToken('carol', { openId: hs.openIdFor(world.id('carol')) });
    check(answer.status >= 400, 'a token without an answer of the homeserver', answer);
    await hs.up();
    await sleep(200);
  }
  await world.staysUp([alice, bob], 500);
  t.step('a homeserver that goes down and up three times: the call goes on');

  const carol = await world.enterCall('carol');
  await world.everyoneSeesEveryone([alice, bob, carol]);
  const ms = await world.evicts([bob], () => world.room.kick(world.id('alice'), world.id('bob')));
  t.figure('bob out after the kick, ms', ms);
  await world.staysUp([alice, carol]);
  t.step('and then a kick is a kick');
}

// True when they were asked for, and overtaken by what was pushed since: neither is who came in between put out by
// such an answer, nor does who was kicked in between get back in.
async function answersLate(t, world, peers) {
  world.users.dave = world.hs.user('dave');
  const late = await asksSlowly(world, { kind: 'slow', ms: 2500 });
  world.room.join(world.id('dave'));
  const dave = await world.enterCall('dave');
  check(!late.closedAt, 'the answer was there before dave', late);
  await until('the late answer is there', () => late.closedAt);
  await world.staysUp([...peers, dave]);
  t.step('a homeserver that answers late: who came meanwhile stays');

  const dripping = await asksSlowly(world, { kind: 'drip', ms: 1 });
  await world.evicts([dave], () => world.room.kick(world.id('alice'), world.id('dave')));
  check(!dripping.closedAt, 'the answer was there before dave was out', dripping);
  await until('the dripping answer is there', () => dripping.closedAt, { timeoutMs: 20000 });
  await world.staysUp(peers);
  await world.refusesOldToken(dave, 'dave');
  equal((await world.askToken('dave')).status, 403, 'a new token for dave');
  t.step('a homeserver that drips its answers: who was kicked meanwhile stays out');
}

// The focus asks who is in the room, and the answer suffers `fault`. Returns the request.
async function asksSlowly(world, fault) {
  const { hs } = world;
  const seen = hs.requests.length;
  hs.faults.add({ ...fault, path: /\/state$/, times: 1 });
  hs.pusher.skipNumber();
  world.announce('alice');
  return until('the focus has asked who is in the room', () => (
    hs.requests.slice(seen).find(({ path }) => path.endsWith('/state'))), { everyMs: 20 });
}

// As Synapse does where the registration does not cover the users: M_FORBIDDEN as to somebody who left. Longer than
// what confirms that somebody vanished from a room (5 s).
async function deniesEverything(t, world, peers) {
  const { hs } = world;
  hs.faults.add({ kind: 'status', status: 403, body: { errcode: 'M_FORBIDDEN', error: 'no' } });
  for (let look = 0; look < 2; look += 1) {
    const began = Date.now();
    hs.pusher.skipNumber();
    world.announce('alice');
    await until('the focus has asked who is in the room', () => (
      hs.requests.some(({ path, at }) => at >= began && path.endsWith('/state'))));
    await world.staysUp(peers, look === 0 ? 5500 : 1000);
  }
  hs.faults.clear();
  t.step('a homeserver that denies everything, twice: the call goes on');
}
