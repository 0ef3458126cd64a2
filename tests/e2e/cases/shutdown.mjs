// SIGTERM: clients are told, the process ends by itself.
import { equal, until } from '../lib/expect.mjs';

export const about = 'SIGTERM: pages notice at once, the process ends with status 0';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  focus.mayEnd = true;
  const started = Date.now();
  process.kill(focus.pid, 'SIGTERM');
  await until('the focus has ended', () => focus.exited !== null, { timeoutMs: 5000, everyMs: 20 });
  t.figure('time to end, ms', Date.now() - started);
  equal(focus.exited, 0, 'exit status');
  await until('alice noticed', async () => (await alice.state()).state !== 'connected', { timeoutMs: 5000 });
}
