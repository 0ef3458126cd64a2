// A publisher decides who may subscribe to it.
import { equal, until } from '../lib/expect.mjs';

export const about = 'setTrackSubscriptionPermissions: denied, one track allowed, all allowed again';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob');
  const carol = await t.joined(focus, 'carol');
  for (const peer of [bob, carol]) await peer.seesMedia('alice', 'camera');

  await alice.call('allowSubscribers', { all: false });
  for (const peer of [bob, carol]) {
    await until(`${peer.name} gets nothing`, async () => (await peer.inbound()).length === 0, {
      describe: () => peer.inbound(),
    });
    await peer.event('trackSubscriptionPermissionChanged');
  }
  t.step('nobody may subscribe');

  const microphone = (await alice.state()).me.tracks.find((x) => x.source === 'microphone').sid;
  const allowed = [{ participantIdentity: 'bob', allowedTrackSids: [microphone] }];
  await alice.call('allowSubscribers', { all: false, allowed });
  await bob.seesMedia('alice', 'microphone');
  equal((await bob.inbound()).map((r) => r.source), ['microphone'], 'what bob gets');
  equal((await carol.inbound()).length, 0, 'streams carol gets');
  t.step('one track for one participant');

  await alice.call('allowSubscribers', { all: true });
  for (const peer of [bob, carol]) {
    await peer.seesMedia('alice', 'camera');
    await peer.seesMedia('alice', 'microphone');
  }
  t.step('everybody again');
}
