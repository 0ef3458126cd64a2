// The routes that a homeserver proxies, in front of another LiveKit server: configured by environment variables alone,
// as the reference service is, and open to those only whom the homeserver says to be in the room.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from '../lib/cleanup.mjs';
import { equal, until } from '../lib/expect.mjs';
import { ExternalWorld } from '../lib/external-world.mjs';

export const about = 'rtc/livekit routes in front of another LiveKit server: members only, by environment variables';
export const timeoutSeconds = 60;

const ROUTES = '/_matrix/client/unstable/io.element.msc4195/rtc/livekit';
const ROOM = { room_id: '!room:example.com', slot_id: 'm.call#ROOM', member_id: 'member' };
const TOKENS = { as: 'as-token-of-the-case', hs: 'hs-token-of-the-case' };

export async function run(t) {
  await byVariables(t);
  await byRegistrationFile(t);
  await withoutHomeserver(t);
}

const variables = { LIVEKIT_AS_TOKEN: TOKENS.as, LIVEKIT_HS_TOKEN: TOKENS.hs };

// The name of the fake homeserver is known only once it is up.
async function start(t, env) {
  const world = await ExternalWorld.start(t);
  await world.kill();
  Object.assign(world.env, env, { LIVEKIT_HS_SERVER_NAME: world.hs.name });
  Object.assign(world.hs, { asToken: TOKENS.as });
  await world.boot();
  return world;
}

const ask = (world, route, who, more = {}) => world.ask(`${ROUTES}/${route}`, { ...ROOM, ...more }, {
  headers: { authorization: `Bearer ${TOKENS.hs}`, 'x-matrix-user-identifier': who.id },
});

async function byVariables(t) {
  const world = await start(t, { ...variables, LIVEKIT_CAN_UPDATE_OWN_METADATA: 'true' });
  const [alice, mallory] = [world.hs.user('alice'), world.hs.user('mallory')];
  world.hs.joined = [alice.id];
  const ping = await world.ask('/_matrix/app/v1/ping', {}, { headers: { authorization: `Bearer ${TOKENS.hs}` } });
  equal(ping.status, 200, 'a ping of the homeserver');
  await until('a member gets a token', async () => (await ask(world, 'get_token', alice)).status === 200);
  const { jwt } = await ask(world, 'get_token', alice);
  equal(JSON.parse(atob(jwt.split('.')[1])).video.canUpdateOwnMetadata, true, 'canUpdateOwnMetadata');
  const refused = await ask(world, 'get_token', mallory);
  equal([refused.status, refused.errcode], [403, 'M_FORBIDDEN'], 'somebody who is not in the room');
  t.step('members get tokens, others do not');

  world.hs.events = {
    [`${alice.id} mine`]: { delay_id: 'mine', room_id: ROOM.room_id, delay: 7200000 },
    [`${alice.id} short`]: { delay_id: 'short', room_id: ROOM.room_id, delay: 60000 },
    [`${alice.id} elsewhere`]: { delay_id: 'elsewhere', room_id: '!other:example.com', delay: 7200000 },
  };
  for (const [id, status] of [['mine', 200], ['short', 400], ['elsewhere', 400], ['nobodys', 400]]) {
    const answer = await ask(world, 'delegate_delayed_leave', alice, { delay_id: id });
    equal(answer.status, status, `the delegation of "${id}" (${answer.text})`);
  }
  t.step("a delayed leave is taken over if it is the member's own, of that room, and an hour away");
}

async function byRegistrationFile(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-registration-'));
  onCleanup('registration', () => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'registration.yaml');
  fs.writeFileSync(file, `id: fovea\nas_token: ${TOKENS.as}\nhs_token: ${TOKENS.hs}\nsender_localpart: fovea\n`, {
    mode: 0o600,
  });
  const world = await start(t, { LIVEKIT_AS_REGISTRATION_FILE: file });
  const alice = world.hs.user('alice');
  world.hs.joined = [alice.id];
  await until('a member gets a token', async () => (await ask(world, 'get_token', alice)).status === 200);
  t.step('tokens by the registration file');
}

async function withoutHomeserver(t) {
  const world = await ExternalWorld.start(t, {
    env: { ...variables, LIVEKIT_HS_SERVER_NAME: 'nowhere.invalid', LIVEKIT_MEMBERSHIP_CHECK_INTERVAL_SECONDS: '60' },
  });
  const answer = await ask(world, 'get_token', { id: '@alice:nowhere.invalid' });
  equal([answer.status, answer.errcode], [502, 'M_UNKNOWN'], `a homeserver that cannot be found (${answer.text})`);
  t.step('nobody to ask is nobody let in');
}
