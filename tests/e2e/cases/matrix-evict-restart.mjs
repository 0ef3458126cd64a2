// Killed outright and started again, the focus still refuses the tokens of those whom it had put out, and learns who
// was kicked while it was dead: their tokens end, and the leave that they delegated is sent. Whoever is in the room
// comes back by themselves.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from '../lib/cleanup.mjs';
import { equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { focusKind, startFocus } from '../lib/matrix-focus.mjs';

export const about = 'SIGKILL of the focus: who was put out stays out; who was kicked meanwhile goes, their leave sent';
export const timeoutSeconds = 90;

const KEPT_MS = 3600000;  // as Element Call has it: nothing is sent because of the time

export async function run(t) {
  if (focusKind !== 'fovea') return;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-state-'));
  onCleanup('state', () => fs.rmSync(folder, { recursive: true }));
  const focusConfig = { access: { delegation: 'on' }, state: { file: path.join(folder, 'state.db') } };
  const world = await FakeWorld.start(t, { focusConfig });
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => world.enterCall(name)));
  await world.everyoneSeesEveryone([alice, bob, carol]);
  const leave = await delegate(world, 'bob');
  await until("bob's leave is restarted", () => leave.restarts() === 1);
  await world.evicts([carol], () => world.room.kick(world.id('alice'), world.id('carol')));
  await world.delivered();

  world.focus.mayEnd = true;
  process.kill(world.focus.pid, 'SIGKILL');
  await until('the focus is dead', () => world.focus.exited !== null);
  world.room.kick(world.id('alice'), world.id('bob'));
  world.room.invite(world.id('alice'), world.id('carol'));
  world.room.join(world.id('carol'));
  world.focus = await startFocus(t, world.plan, world.hs.url, focusConfig);
  t.step('carol kicked, focus killed, bob kicked, carol in the room again, focus back');

  const validated = async (peer) => (
    await fetch(`${world.focus.httpUrl}/rtc/validate?access_token=${peer.jwt}`)).status;
  equal(await validated(carol), 401, "carol's token at once after the start, from before she was kicked");
  await until("bob's token is refused", async () => (await validated(bob)) === 401, { timeoutMs: 5000 });
  equal(await validated(leave), 401, "bob's other token, with which he delegated");
  equal(await validated(alice), 200, "alice's token");
  const answer = await world.askToken('bob');
  equal([answer.status, answer.errcode], [403, 'M_FORBIDDEN'], 'a new token for bob');
  // Long before the time that he has to come back is over.
  await until("bob's leave is sent", () => leave.sent() > 0, { timeoutMs: 5000 });
  t.step('the old tokens of the kicked are refused, bob gets no new one, and his leave is sent');

  // The SDK makes a new connection by itself; its token is the one from before.
  await alice.event('reconnected', () => true, { timeoutMs: 30000 });
  await world.delivered();
  const back = await world.enterCall('carol');
  await world.everyoneSeesEveryone([alice, back]);
  equal(await validated(carol), 401, "carol's first token, now that she is back");
  equal(leave.sent(), 1, "sends of bob's leave");
  t.step("alice came back by herself, carol with a token that is new; bob's leave was sent once");
}

async function delegate(world, name) {
  const id = world.hs.delayed.schedule(world.id(name), KEPT_MS, {}, () => {});
  const { jwt } = await world.mint(name, { delay_id: id, delay_timeout: KEPT_MS });
  const acts = (what) => world.hs.delayed.acts(what).filter((act) => act.id === id).length;
  return { jwt, restarts: () => acts('restart'), sent: () => acts('send') };
}
