// A homeserver that is down, slow or broken changes no running call; when it is back, it is obeyed.
import { check, sleep, until } from '../lib/expect.mjs';
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
