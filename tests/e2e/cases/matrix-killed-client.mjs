// A client that is killed says no goodbye. The others must not look at its last picture for long, and
// its membership ends by the leave it had delegated.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onCleanup } from '../lib/cleanup.mjs';
import { atMost, equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'a client killed outright is gone, and its delegated leave sent, within 20 s';
export const timeoutSeconds = 60;

const script = fileURLToPath(new URL('../lib/native-guest.mjs', import.meta.url));

export async function run(t) {
  const world = await FakeWorld.start(t, {
    people: ['alice', 'bob'], focusConfig: { access: { delegation: 'on' } },
  });
  const alice = await world.enterCall('alice', { media: false });
  const { url, jwt } = await world.mint('bob');
  const guest = spawn(process.execPath, [script], {
    env: { ...process.env, GUEST_URL: url, GUEST_TOKEN: jwt }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  onCleanup('guest', () => guest.kill('SIGKILL'));
  await alice.seesMedia(world.identity('bob'), 'camera', { timeoutMs: 20000 });
  const leave = world.hs.delayed.schedule(world.id('bob'), 3600000, {}, () => world.withdraw('bob'));
  const delegated = await world.askToken('bob', { delay_id: leave, delay_timeout: 3600000 });
  equal(delegated.status, 200, `the delegation (${delegated.text})`);
  await until('the leave is restarted', () => world.hs.delayed.acts('restart').length > 0);

  const killed = Date.now();
  guest.kill('SIGKILL');
  await alice.event('participantDisconnected', () => true, { timeoutMs: 25000 });
  t.figure('gone after the kill, ms', Date.now() - killed);
  await until('the leave is sent', () => world.hs.delayed.acts('send').some((act) => act.id === leave), {
    timeoutMs: 5000,
  });
  t.figure('leave sent after the kill, ms', Date.now() - killed);
  atMost(Date.now() - killed, 20000, 'ms from the kill to the leave');
}
