// One person, two devices, and Element Call's habit of connecting twice: each connection has a life of
// its own until the person is put out.
import { DisconnectReason } from '@livekit/rtc-node';
import { check, equal, sleep } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'two devices of one person: one may leave alone, a kick ends both; connecting twice';
export const timeoutSeconds = 60;

export async function run(t) {
  const world = await FakeWorld.start(t, { people: ['alice', 'bob'] });
  const alice = await world.enterCall('alice');
  const phone = await world.enterCall('bob', { device: 'PHONE' });
  const laptop = await world.enterCall('bob', { device: 'LAPTOP' });
  await world.everyoneSeesEveryone([alice, phone, laptop]);
  t.step('two devices of bob in one call');

  world.withdraw('bob', { device: 'LAPTOP' });
  await laptop.leave();
  await alice.event('participantDisconnected', (e) => e.args[0] === laptop.identity);
  await world.staysUp([alice, phone]);
  t.step('one device left, the other goes on');

  const second = await connectTwice(world, phone);
  await second.publishVideo({ width: 160, height: 90, fps: 15 });
  await world.staysUp([alice, second]);
  t.step('the same device connected again: the first ended as a duplicate, the second stays');

  await connectAtOnce(t, world, alice);

  const desk = await world.enterCall('bob', { device: 'DESK' });
  await world.everyoneSeesEveryone([alice, second, desk]);
  const ms = await world.evicts([second, desk], () => world.room.kick(world.id('alice'), world.id('bob')));
  t.figure('both devices out after the kick, ms', ms);
  check(!alice.events.some((e) => e.name === 'disconnected'), 'alice was put out too', alice.events);
}

// As Element Call does within 0.4 s: another token of the same identity, another connection.
async function connectTwice(world, first) {
  const { url, jwt } = await world.mint('bob', { device: 'PHONE' });
  const second = await NativePeer.join(world.focus, 'bob PHONE again', { url, token: jwt });
  Object.assign(second, { identity: first.identity, jwt });
  const { args } = await first.event('disconnected');
  equal(DisconnectReason[args[0]], 'DUPLICATE_IDENTITY', 'why the first connection ended');
  return second;
}

// Both on their way at the same time: whichever the focus sees last stays.
async function connectAtOnce(t, world, alice) {
  const [one, two] = [await world.mint('bob', { device: 'TABLET' }), await world.mint('bob', { device: 'TABLET' })];
  const join = ({ url, jwt }, name) => NativePeer.join(world.focus, name, { url, token: jwt }).catch((error) => error);
  const first = join(one, 'bob TABLET');
  await sleep(100);
  const second = await join(two, 'bob TABLET again');
  check(second instanceof NativePeer, 'the second of two connections at once did not come about', second);
  await first;
  await second.publishVideo({ width: 160, height: 90, fps: 15 });
  await alice.seesMedia(world.identity('bob', 'TABLET'), 'camera');
  await sleep(500);
  check(!second.events.some((e) => e.name === 'disconnected'), 'the second connection was put out', second.events);
  await second.leave();
  t.step('two connections of one device within a tenth of a second: one stays');
}
