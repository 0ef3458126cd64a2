// The focus is killed outright and started again: nobody who comes back is announced as gone, who was
// on the way still has their time, and what expired meanwhile is forgotten without a call.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from '../lib/cleanup.mjs';
import { atLeast, equal, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind, startFocus } from '../lib/matrix-focus.mjs';

export const about = 'delegated leave across SIGKILL of the focus, with a client that reconnects';
export const timeoutSeconds = 60;

export async function run(t) {
  if (focusKind !== 'fovea') return;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-state-'));
  onCleanup('state', () => fs.rmSync(folder, { recursive: true }));
  const focusConfig = { access: { delegation: 'on' }, state: { file: path.join(folder, 'state.db') } };
  const world = await FakeWorld.start(t, { people: ['alice', 'bob', 'carol'], focusConfig });

  const alice = await world.enterCall('alice', { media: false });
  const stays = await delegate(world, 'alice', 3600000);
  await until("alice's leave is restarted", () => stays.acts('restart') === 1);
  const onTheWay = await delegate(world, 'bob', 4000);
  const delegated = Date.now();
  const expired = await delegate(world, 'carol', 1500);
  await sleep(300);

  world.focus.mayEnd = true;
  process.kill(world.focus.pid, 'SIGKILL');
  await until('the focus is dead', () => world.focus.exited !== null);
  await sleep(1400);
  world.focus = await startFocus(t, world.plan, world.hs.url, focusConfig);
  t.step('killed and started again');

  await until("alice's leave is restarted after she came back", () => stays.acts('restart') >= 2, {
    timeoutMs: 25000,
  });
  equal(stays.acts('send'), 0, 'leaves sent for who came back');
  await until("bob's leave is sent", () => onTheWay.acts('send') === 1, { timeoutMs: 6000 });
  atLeast(Date.now() - delegated, 3900, 'ms until the leave of who never came');
  equal([expired.acts('send'), expired.acts('restart')], [0, 0], 'calls for what expired meanwhile');
  t.step('one came back, one never came, one had expired');
  await alice.leave();
  await until("alice's leave is sent", () => stays.acts('send') === 1, { timeoutMs: 5000 });
}

// Schedules the leave as Element Call does, and delegates it with a token request.
async function delegate(world, name, timeoutMs) {
  const id = world.hs.delayed.schedule(world.id(name), 3600000, {}, () => {});
  const answer = await world.askToken(name, { delay_id: id, delay_timeout: timeoutMs });
  equal(answer.status, 200, `the delegation of ${name} (${answer.text})`);
  return { acts: (what) => world.hs.delayed.acts(what).filter((act) => act.id === id).length };
}
