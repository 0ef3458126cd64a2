// The token service in front of a LiveKit server that is really there: rooms are made by Twirp, who
// comes and goes is told by signed webhooks and found by lookups. The server is another Fovea.
import { equal, sleep, until } from '../lib/expect.mjs';
import { ExternalWorld } from '../lib/external-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { freePorts } from '../lib/service.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'One Fovea as the token service of another one: rooms, webhooks, lookups, delegated leave';
export const timeoutSeconds = 60;

export async function run(t) {
  const [port] = await freePorts(1);
  const focus = await t.focus({
    config: {
      room: { auto_create: false },
      webhook: { api_key: API_KEY, urls: [`http://127.0.0.1:${port}/livekit/jwt/sfu_webhook`] },
    },
  });
  const world = await ExternalWorld.start(t, {
    port, env: { LIVEKIT_URL: focus.wsUrl, LIVEKIT_KEY: API_KEY, LIVEKIT_SECRET: API_SECRET },
  });
  const alice = world.hs.user('alice');
  const answer = await world.ask('/sfu/get', world.body('/sfu/get', alice));
  equal([answer.status, answer.url], [200, focus.wsUrl], 'the token');

  await world.delegate('/sfu/get', alice, 'before');
  const peer = await NativePeer.join(focus, 'alice', { url: answer.url, token: answer.jwt });
  await world.called('restart before', 3000);
  t.step('joined: told by a webhook, restarted');

  // As Element Call does whenever it has a new event; no webhook will come for who is there already.
  await world.delegate('/sfu/get', alice, 'during');
  await world.called('restart during', 3000);
  t.step('delegated during the call: found by a lookup');

  const left = Date.now();
  await peer.leave();
  await world.called('send during', 5000);
  t.figure('leave sent after hanging up, ms', Date.now() - left);
  await sleep(500);
  equal([world.hs.count('send before'), world.hs.count('send during')], [0, 1], 'sends');
  await until('the service is well', async () => (await fetch(`${world.serviceUrl}/healthz`)).ok);
}
