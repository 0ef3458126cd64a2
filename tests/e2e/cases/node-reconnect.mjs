// The native client's reconnects: the socket alone, the whole session, and a socket cut by the
// network. Another participant watches that nothing is lost.
import { SimulateScenarioKind } from '@livekit/rtc-node';
import { check, equal, until } from '../lib/expect.mjs';
import { CuttableSignal } from '../lib/cuttable.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = '@livekit/rtc-node: resume, full reconnect, and a cut signal socket that heals';
export const timeoutSeconds = 120;

export async function run(t) {
  const focus = await t.focus();
  const relay = await CuttableSignal.to(focus);
  const alice = await NativePeer.join(focus, 'alice', { url: relay.wsUrl });
  const bob = await NativePeer.join(focus, 'bob');
  await alice.publishVideo();
  await alice.publishTone();
  await bob.publishVideo();
  await bob.seesMedia('alice', 'camera');
  await alice.seesMedia('bob', 'camera');

  const resume = SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT;
  await staysThrough(t, alice, bob, 'a resume', () => alice.room.simulateScenario(resume));
  // No pause as in chromium-resume: where the first try fails, this client starts anew by design.
  await staysThrough(t, alice, bob, 'a cut socket', async () => relay.cut());
  await fullReconnect(t, alice, bob);
}

// The session outlives its socket: nobody sees alice go, no track is published anew, media flows.
async function staysThrough(t, alice, bob, what, disturb) {
  const sid = alice.room.localParticipant.sid;
  alice.events.length = 0;
  bob.events.length = 0;
  await disturb();
  await alice.event('reconnected', () => true, { timeoutMs: 15000 });
  await bob.seesMedia('alice', 'camera');
  await bob.seesMedia('alice', 'microphone');
  await alice.seesMedia('bob', 'camera');
  equal(alice.room.localParticipant.sid, sid, `alice's sid after ${what}`);
  const forbidden = ['participantDisconnected', 'trackUnpublished', 'trackUnsubscribed'];
  const seen = bob.events.filter((e) => forbidden.includes(e.name));
  check(seen.length === 0, `bob noticed ${what}`, seen);
  await bob.send('still there', { reliable: true });
  await alice.received('data after the reconnect', (m) => m.text === 'still there');
  alice.inbox.length = 0;
  t.step(`${what} healed, bob noticed nothing`);
}

async function fullReconnect(t, alice, bob) {
  alice.events.length = 0;
  await alice.room.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT);
  await alice.event('reconnected', () => true, { timeoutMs: 20000 });
  await bob.seesMedia('alice', 'camera', { timeoutMs: 15000 });
  await bob.seesMedia('alice', 'microphone');
  await alice.seesMedia('bob', 'camera');
  await until('bob knows exactly one alice', () => bob.room.remoteParticipants.size === 1);
  const tracks = [...bob.room.remoteParticipants.get('alice').trackPublications.keys()];
  equal(tracks.length, 2, `tracks of alice after the full reconnect (${tracks})`);
  t.step('full reconnect republished both tracks');
}
