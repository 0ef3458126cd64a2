// A kick that meets a client on its way back: it resumes its session, of itself or over a socket that was cut, and
// ICE with it; its socket is away; or it has left to join anew. It is told that it was removed or finds its token
// refused; by no way does it get back in.
import { ConnectionState, DisconnectReason, SimulateScenarioKind } from '@livekit/rtc-node';
import { CuttableSignal } from '../lib/cuttable.mjs';
import { Skip, check, sleep, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'kicked 0, 20 and 100 ms after a resume or a new session began: out, and not back';
export const timeoutSeconds = 180;

const KICKED_AFTER_MS = [0, 20, 100];
const AT_ONCE_MS = 50;  // what was answered before the kick may be read after it
const WATCHED_MS = 1500;
const disturbances = {
  signal: (peer) => peer.room.simulateScenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT),
  cut: ({ relay }) => relay.cut(),
  away: ({ relay }) => { relay.refusing = true; relay.cut(); },
  anew: (peer) => peer.room.simulateScenario(SimulateScenarioKind.SIMULATE_FORCE_TCP),
};

export async function run(t) {
  const names = KICKED_AFTER_MS.flatMap((ms) => Object.keys(disturbances).map((way) => `${way}${ms}`));
  const world = await FakeWorld.start(t, { people: ['alice', 'bob', ...names] });
  if (!world.plan.evicts) throw new Skip('this focus puts nobody out');
  const others = [await world.enterCall('alice'), await world.enterCall('bob')];
  for (const ms of KICKED_AFTER_MS) {
    const guests = await Promise.all(Object.keys(disturbances).map((way) => enter(world, way, ms)));
    await world.everyoneSeesEveryone([others[0], ...guests]);
    for (const guest of guests) await putOut(t, world, guest, others);
    await sleep(WATCHED_MS);
    for (const guest of guests) await staysOut(world, guest, others);
    await world.staysUp(others);
    for (const { events, name } of others) {
      const noticed = events.filter((event) => event.name === 'reconnecting');
      check(noticed.length === 0, `${name} was disturbed`, noticed);
    }
    t.step(`kicked ${ms} ms after: nobody is back, the others see each other`);
  }
}

// As enterCall, with a relay of its own before the focus that knows what its sockets were answered.
async function enter(world, way, ms) {
  const name = `${way}${ms}`;
  const relay = await CuttableSignal.to(world.focus);
  const { jwt } = await world.mint(name);
  const guest = await NativePeer.join(world.focus, name, { url: relay.wsUrl, token: jwt });
  Object.assign(guest, { identity: world.identity(name), jwt, relay, way, ms });
  world.announce(name);
  await guest.publishVideo({ width: 160, height: 90, fps: 15 });
  return guest;
}

async function putOut(t, world, guest, others) {
  await world.delivered();
  const began = performance.now();
  const disturbed = disturbances[guest.way](guest);
  disturbed?.catch(() => {});  // Nobody is there to answer it, perhaps.
  if (guest.ms > 0) await sleep(guest.ms);
  world.room.kick(world.id('alice'), world.id(guest.name));
  await world.delivered();
  guest.outAt = performance.now();
  for (const other of others) {
    await other.event('participantDisconnected', (e) => e.args[0] === guest.identity, { timeoutMs: 2000 });
  }
  guest.relay.refusing = false;
  const fate = await until(`${guest.name} knows`, () => fateOf(guest, began), {
    timeoutMs: 30000, everyMs: 20, describe: () => ({ ...guest.story(), answers: guest.relay.answers }),
  });
  check(['PARTICIPANT_REMOVED', 'refused'].includes(fate), `${guest.name} ended otherwise`, fate);
  t.step(`${guest.name}: ${fate}`);
}

function fateOf({ events, relay, outAt }, began) {
  const gone = events.find((event) => event.name === 'disconnected');
  const reason = gone && DisconnectReason[gone.args[0]];
  if (reason === 'PARTICIPANT_REMOVED') return reason;
  return relay.answers.some(({ at, status }) => at >= began && status === 401) ? 'refused' : reason;
}

async function staysOut(world, guest, others) {
  const { answers } = guest.relay;
  const isLater = ({ at }) => at > guest.outAt + AT_ONCE_MS;
  const later = answers.filter(isLater);
  check(later.every(({ status }) => status === 401), `${guest.name} was let in`, answers);
  check(guest.room.connectionState !== ConnectionState.CONN_CONNECTED, `${guest.name} believes to be connected`);
  for (const other of others) {
    check(!other.room.remoteParticipants.has(guest.identity), `${other.name} sees ${guest.name}`, other.story());
    const back = other.events.some((e) => (
      e.name === 'participantConnected' && e.args[0] === guest.identity && isLater(e)));
    check(!back, `${other.name} saw ${guest.name} come back`, other.story());
  }
  await world.refusesOldToken(guest, guest.name);
  await guest.leave();
}
