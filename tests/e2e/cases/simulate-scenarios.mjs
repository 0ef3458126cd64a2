// Every scenario that livekit-client can ask its server for, and what a person in the call sees of it.
// Those that end in a resume or in a new session are watched from the other side as well.
import { atMost, check, equal, until } from '../lib/expect.mjs';

export const about = 'Chromium: every SimulateScenario, from a faked speaker to a failed node';
export const timeoutSeconds = 240;

const camera = { width: 1280, height: 720, publish: { simulcast: true, videoCodec: 'vp8' } };

export async function run(t) {
  const focus = await t.focus();
  const bob = await t.joined(focus, 'bob', { publish: true });
  const alice = await t.joined(focus, 'alice', { publish: { camera } });
  await bob.seesMedia('alice', 'camera');

  await speaker(t, alice, bob);
  await bandwidth(t, alice, bob);
  for (const scenario of ['disconnect-signal-on-resume', 'disconnect-signal-on-resume-no-messages']) {
    await resumes(t, alice, bob, scenario);
  }
  for (const scenario of ['node-failure', 'migration', 'leave-full-reconnect', 'force-tcp', 'force-tls']) {
    await startsAnew(t, alice, bob, scenario);
  }
  await alice.forgetEvents();
  await alice.call('simulate', { scenario: 'server-leave' });
  const gone = await alice.event('disconnected', () => true, { timeoutMs: 20000 });
  equal(gone.args[0], 3, 'reason of server-leave (SERVER_SHUTDOWN)');
  await bob.event('participantDisconnected', (e) => e.args[0].identity === 'alice');
  t.step('server-leave: alice is told that the server goes, and is gone');
}

async function speaker(t, alice, bob) {
  // Real levels of the fake device would speak too.
  await alice.call('microphone', { on: false });
  await until('nobody speaks', async () => (await bob.state()).speakers.length === 0);
  await alice.call('simulate', { scenario: 'speaker' });
  const asked = Date.now();
  const speaks = async () => (await bob.state()).speakers.includes('alice');
  await until('bob sees alice speak', speaks);
  await until('and stop', async () => !(await speaks()), { timeoutMs: 6000 });
  const lasted = Date.now() - asked;
  check(lasted > 2500 && lasted < 4500, 'alice spoke for three seconds', lasted);
  await alice.call('microphone', { on: true });
  t.step(`speaker: alice spoke for ${lasted} ms without a sound`);
}

// Heights, not 720: a busy machine does not encode the top layer.
async function bandwidth(t, alice, bob) {
  const height = async () => (await bob.inboundOf('alice', 'camera')).height;
  const large = (what) => until(what, async () => (await height()) > 200, {
    timeoutMs: 30000, describe: () => alice.outbound(),
  });
  await large('bob gets a large picture');
  const before = await height();
  await bob.call('simulate', { scenario: 'subscriber-bandwidth', argument: 200_000 });
  await until('bob gets a small picture', async () => (await height()) === 180, { timeoutMs: 20000 });
  await bob.call('simulate', { scenario: 'subscriber-bandwidth', argument: 0 });
  await large('bob gets a large picture again');
  t.step(`subscriber-bandwidth: ${before} lines, 180 at 200 kbit/s, ${await height()} without a limit`);
}

async function resumes(t, alice, bob, scenario) {
  const { sid } = await alice.state();
  await alice.forgetEvents();
  await bob.forgetEvents();
  await bob.call('watchFrames', { identity: 'alice', source: 'camera' });
  await alice.call('simulate', { scenario });
  await alice.event('reconnected', () => true, { timeoutMs: 20000 });
  const { longestGapMs } = await bob.call('stopWatching');
  equal((await alice.state()).sid, sid, `alice's sid after ${scenario}`);
  atMost(longestGapMs, 1500, `ms without a frame during ${scenario}`);
  const events = (await bob.events()).map((e) => e.name);
  check(!events.includes('participantDisconnected'), `bob noticed ${scenario}`, events);
  t.step(`${scenario}: resumed at the second try, longest gap ${longestGapMs} ms`);
}

async function startsAnew(t, alice, bob, scenario) {
  const { sid } = await alice.state();
  await alice.forgetEvents();
  await alice.call('simulate', { scenario });
  await alice.event('reconnected', () => true, { timeoutMs: 30000 });
  await until('alice has a new session', async () => (await alice.state()).sid !== sid);
  await until('bob knows the new session with both tracks', async () => {
    const { others } = await bob.state();
    const tracks = others.find((p) => p.identity === 'alice')?.tracks ?? [];
    return others.length === 1 && tracks.filter((x) => x.subscribed).length === 2;
  }, { timeoutMs: 15000, describe: () => bob.state() });
  await bob.seesMedia('alice', 'camera');
  await alice.seesMedia('bob', 'camera');
  t.step(`${scenario}: a new session`);
}
