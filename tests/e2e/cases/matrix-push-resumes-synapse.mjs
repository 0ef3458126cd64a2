// A real Synapse waits 2, 4, 8 … s between the tries of a push that failed, up to nine minutes. A focus that was away
// for a while pings it when it starts, and hears at once what was held back, and what comes next without delay.
import { DisconnectReason } from '@livekit/rtc-node';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from '../lib/cleanup.mjs';
import { Skip, atMost, equal, until } from '../lib/expect.mjs';
import { focusKind, startFocus } from '../lib/matrix-focus.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { post } from '../lib/openid-server.mjs';
import { token } from '../lib/tokens.mjs';

export const about = 'Synapse whose pushes failed for a while resumes them when the focus is back: it is pinged';
export const timeoutSeconds = 120;

const WAIT_S = 16;  // of Synapse when the focus comes back: it has failed four times
const RESUMED_MS = 5000;
const KICKED_MS = 2000;

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea is pushed to');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-state-'));
  onCleanup('state', () => fs.rmSync(folder, { recursive: true }));
  const focusConfig = { state: { file: path.join(folder, 'state.db') } };
  const world = await MatrixWorld.start(t, { people: ['alice', 'bob', 'carol'], focusConfig });
  const { alice, bob, carol } = world.users;
  const tokens = { bob: await tokenOf(world, bob), carol: await tokenOf(world, carol) };
  await until('pushes come', async () => (await pushes(world)) > 0);

  world.focus.mayEnd = true;
  await world.focus.stop();
  await alice.kick(world.room, bob);
  await until(`Synapse waits ${WAIT_S} s`, () => world.synapse.tail(2000).includes(`on fovea in ${WAIT_S}.`), {
    timeoutMs: 40000, describe: () => world.synapse.tail(2000).split('\n').filter((l) => l.includes('retries')),
  });
  t.step(`bob is kicked, four pushes have failed, and Synapse waits ${WAIT_S} s`);

  const started = Date.now();
  world.focus = await startFocus(t, world.plan, world.synapse.url, focusConfig);
  await until('pushes come again', async () => (await pushes(world)) > 0, { timeoutMs: WAIT_S * 1000, everyMs: 20 });
  const resumedMs = Date.now() - started;
  t.figure('pushes resumed after the start, ms', resumedMs);
  atMost(resumedMs, RESUMED_MS, 'ms from the start to the first push');
  equal(await validated(world, tokens.bob), 401, "bob's token of before");
  equal((await ask(world, bob)).status, 403, 'a new token for bob');
  await seesTheNextKick(t, world, tokens.carol);
}

// Carol's token outlived the focus; her kick comes as quickly as if nothing had been.
async function seesTheNextKick(t, world, jwt) {
  const { alice, carol } = world.users;
  equal(await validated(world, jwt), 200, "carol's token of before");
  const peer = await NativePeer.join(world.focus, 'carol', { token: jwt });
  const kicked = performance.now();
  await alice.kick(world.room, carol);
  const { at, args: [reason] } = await peer.event('disconnected');
  equal(reason, DisconnectReason.PARTICIPANT_REMOVED, 'why carol is out');
  t.figure('carol out after the kick, ms', Math.round(at - kicked));
  atMost(Math.round(at - kicked), KICKED_MS, 'ms until carol was out');
  equal(await validated(world, jwt), 401, "carol's token");
}

async function ask(world, user) {
  return post(world.focus, '/sfu/get', {
    room: world.room, device_id: user.device, openid_token: await user.openId(),
  });
}

async function tokenOf(world, user) {
  const answer = await ask(world, user);
  equal(answer.status, 200, `a token for ${user.localpart} (${answer.text})`);
  return answer.jwt;
}

const validated = async (world, jwt) => (
  await fetch(`${world.focus.httpUrl}/rtc/validate?access_token=${jwt}`)).status;

// How many transactions this focus has taken since it started.
async function pushes(world) {
  const bearer = token({ identity: 'dashboard', video: { roomList: true } });
  const answer = await fetch(`${world.serviceUrl}/fovea/v1/calls`, { headers: { authorization: `Bearer ${bearer}` } });
  return (await answer.json()).homeserver.transactions;
}
