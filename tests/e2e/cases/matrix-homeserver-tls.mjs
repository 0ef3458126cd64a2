// A homeserver behind TLS, with a certificate of the operator's own authority: everything that the focus asks it goes
// that way, and nothing does without `homeserver.ca_file`.
import { equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';

export const about = 'a homeserver with a certificate of a private authority: tokens, pushes, kicks, delayed leaves';
export const timeoutSeconds = 60;

export async function run(t) {
  const trusting = await FakeWorld.start(t, { overTls: true, focusConfig: { access: { delegation: 'on' } } });
  const { hs } = trusting;
  await until('the focus has pinged', () => hs.pusher.pings > 0);
  const alice = await trusting.enterCall('alice');
  const bob = await trusting.enterCall('bob');
  await trusting.everyoneSeesEveryone([alice, bob]);
  const id = hs.delayed.schedule(trusting.id('carol'), 3600000, {}, () => {});
  const delegated = await trusting.askToken('carol', { delay_id: id, delay_timeout: 1500 });
  equal(delegated.status, 200, `a delegation (${delegated.text})`);
  await until("carol's leave is sent", () => hs.delayed.acts('send').some((act) => act.id === id));
  await trusting.evicts([bob], () => trusting.room.kick(trusting.id('alice'), trusting.id('bob')));
  equal((await trusting.askToken('bob')).status, 403, 'a token for bob');
  equal(hs.requests.filter((r) => !r.secure).map((r) => r.path), [], 'requests in clear');
  t.step('with its authority: tokens, pushes, a kick, a delayed leave');

  const wary = await FakeWorld.start(t, { overTls: true, focusConfig: { homeserver: { ca_file: '' } } });
  equal((await wary.askToken('alice')).status, 401, 'a token, without its authority');
  equal(wary.hs.pusher.pings, 0, 'pings that came through');
}
