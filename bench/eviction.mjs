// How fast and how surely members are put out of calls; see README.md. Prints a table of what was
// measured and what is wanted, and writes JSON:
//   node eviction.mjs [--evictions N] [--within SECONDS] [--at-once N] [--flap SECONDS]
//                     [--bans N] [--rooms N] [--participants N] [--talkers N] [--video] [--calls-only]
//                     [--full] [--simulators FOLDER] [--json FILE]
// --full sets the numbers of the targets where they are not given.
import { parseArgs } from 'node:util';
import { cleanUp } from '../tests/e2e/lib/cleanup.mjs';
import { sleep } from '../tests/e2e/lib/expect.mjs';
import { focusBinary } from '../tests/e2e/lib/focus.mjs';
import { Figures, quantile, residentKb } from './figures.mjs';

// rtc-node logs every callback unless told that this is no development.
process.env.NODE_ENV ??= 'production';
const { Scene, stage } = await import('./eviction/scene.mjs');
const { refuseMalformed } = await import('./eviction/malformed.mjs');
const { runSimulators } = await import('./eviction/simulated.mjs');
const { SynapseBans } = await import('./eviction/synapse_bans.mjs');

const SETTLE_MS = 3000;
const PROGRESS_EVERY = 20;
const MALFORMED = 1000;  // of each route

const numbers = {
  evictions: '100', flap: '20', bans: '20', rooms: '10', participants: '5', within: '3600', 'at-once': '2',
  talkers: '2',
};
// A few more than a thousand, so that one that was not measured leaves a thousand.
const numbersInFull = { ...numbers, evictions: '1005', flap: '600', bans: '100', talkers: '1' };

const { values: given } = parseArgs({
  options: {
    ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: 'string' }])),
    video: { type: 'boolean', default: false },
    'calls-only': { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    simulators: { type: 'string' },
    json: { type: 'string' },
  },
});
const options = { ...(given.full ? numbersInFull : numbers), ...given };
const figures = new Figures();

// Everybody in turn, `--at-once` at a time in different rooms, for `--within` seconds at most.
async function evictAll(scene, count) {
  const lanes = Math.min(Number(options['at-once']), scene.calls.length);
  const end = performance.now() + Number(options.within) * 1000;
  const seen = [];
  const failures = [];
  const evictOne = async (call, member) => {
    try {
      seen.push(await scene.evict(call, member));
    } catch (error) {
      failures.push({ member: member.name, error: error.message });
      console.error(`  ${member.name}: ${error.message}`);
      call.members.splice(call.members.indexOf(member), 1);  // Who is not back cannot be put out.
    }
    if (seen.length % PROGRESS_EVERY === 0) console.error(`  ${seen.length} evictions`);
  };
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    const calls = scene.calls.filter((call, i) => i % lanes === lane);
    const share = Math.floor(count / lanes) + (lane < count % lanes ? 1 : 0);
    for (let i = 0; i < share && performance.now() < end; i += 1) {
      const call = calls[i % calls.length];
      const turn = Math.floor(i / calls.length);
      if (call.members.length > 1) await evictOne(call, call.members[turn % call.members.length]);
    }
  }));
  return { seen, failures };
}

function reportTimes(name, values, { p50, p99, max } = {}) {
  const n = values.length;
  if (n === 0) return;
  const ms = (value) => Number(value.toFixed(1));
  const promised = (value, limit) => (limit === undefined ? null : value <= limit);
  const target = (limit) => (limit === undefined ? '' : `≤ ${limit}`);
  const [half, most, all] = [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)];
  figures.report(`${name}, p50 (n = ${n})`, ms(half), 'ms', target(p50), promised(half, p50));
  figures.report(`${name}, p99`, ms(most), 'ms', target(p99), promised(most, p99));
  figures.report(`${name}, max`, ms(all), 'ms', target(max), promised(all, max), { all: values.map(ms) });
}

function reportRefusals(name, statuses) {
  const wrong = statuses.filter((status) => status !== 401);
  const share = statuses.length ? Number((100 - (100 * wrong.length) / statuses.length).toFixed(2)) : 0;
  figures.report(`${name} (n = ${statuses.length})`, share, '%', '= 100', share === 100, { wrong });
}

function reportEvictions({ seen, failures }, wanted) {
  const sum = (pick) => seen.reduce((total, one) => total + pick(one), 0);
  figures.report(`evictions (of ${wanted})`, seen.length, '', `= ${wanted}`, seen.length === wanted, { failures });
  const unseen = seen.filter((one) => one.lastToMemberMs === null || one.before === 0).length;
  figures.report('evictions whose media the capture missed', unseen, '', '= 0', unseen === 0);
  const told = seen.filter((one) => one.reason === 'PARTICIPANT_REMOVED').length;
  figures.report('told PARTICIPANT_REMOVED', told, '', `= ${seen.length}`, told === seen.length);
  // Without media before, a last packet says nothing.
  const times = (pick) => seen.filter((one) => one.before > 0 && one.lastToMemberMs !== null).map(pick);
  reportTimes('transaction to last packet, to or from', times((one) => one.lastEitherMs), {
    p50: 20, p99: 100, max: 500,
  });
  reportTimes('transaction to last packet to the member', times((one) => one.lastToMemberMs));
  reportTimes('transaction to the fence acknowledged', times((one) => one.fenceMs));
  reportTimes('transaction to the client knowing', times((one) => one.toldMs));
  reportTimes('joined again to a new token', seen.map((one) => one.readmittedMs), { p99: 500 });
  const late = sum((one) => one.toMemberAfterFence);
  figures.report('packets to members after the fence + 20 ms', late, '', '= 0', late === 0);
  const sent = sum((one) => one.fromMemberAfterFence);
  figures.report('packets that members sent after that, to no effect', sent, '', '', null);
  for (const [when, pick] of [['', (one) => one.tokens], [', after coming back', (one) => one.later]]) {
    for (const kind of ['old', 'refreshed', 'resume']) {
      const statuses = seen.map((one) => pick(one)[kind]).filter(Boolean).map(({ status }) => status);
      reportRefusals(`${kind} tokens refused${when}`, statuses);
    }
  }
  const minted = seen.filter((one) => one.minted !== 403).length;
  figures.report('new tokens for people put out', minted, '', '= 0', minted === 0);
}

const isPutOut = ({ reason }) => ['PARTICIPANT_REMOVED', 'ROOM_DELETED'].includes(reason);

// Not evictions, but a sign that clients starve for processor time: then the times are theirs.
function reportLost(events) {
  const lost = events.filter((event) => !isPutOut(event));
  figures.report('connections lost or resumed by clients', lost.length, '', '', null, { lost });
}

async function measureEvictions(scene, count) {
  const pid = scene.focus.pid;
  const before = residentKb(pid);
  const first = scene.pool.happened.length;
  const result = await evictAll(scene, count);
  reportEvictions(result, count);
  const events = scene.pool.happened.slice(first);
  const more = events.filter(isPutOut).length - result.seen.length;
  const failed = result.failures.length;
  figures.report('members put out beside those', more, '', `≤ ${failed}`, more <= failed);
  reportLost(events);
  const deaf = await scene.deaf();
  figures.report('members without media afterwards', deaf.length, '', '= 0', deaf.length === 0, { deaf });
  figures.report('resident set of the focus, before', before, 'kB', '', null);
  figures.report('resident set of the focus, after', residentKb(pid), 'kB', '', null);
}

// Down, slow, failing, silent and back, while the rooms' events go on; nothing of it is a reason to put out.
async function measureFlapping(scene, seconds) {
  const { hs } = scene.world;
  const first = scene.pool.happened.length;
  const troubles = [
    null, { kind: 'slow', ms: 2000 }, { kind: 'status', status: 500 }, { kind: 'hang' }, { kind: 'reset' },
    { kind: 'garbage' }, { kind: 'drip', ms: 20 },
    { kind: 'status', status: 403, body: { errcode: 'M_FORBIDDEN', error: 'no' } },
  ];
  const end = performance.now() + seconds * 1000;
  let flaps = 0;
  for (; performance.now() < end; flaps += 1) {
    const trouble = troubles[flaps % troubles.length];
    if (trouble) {
      hs.faults.add(trouble);
    } else {
      hs.pusher.pause();
      await hs.down();
    }
    hs.pusher.skipNumber();  // A lost transaction makes the focus ask for every room, so that it meets the trouble.
    await sayAndRenew(scene);
    await sleep(500 + Math.random() * 3000);
    hs.faults.clear();
    if (!trouble) {
      await hs.up();
      hs.pusher.resume();
    }
    await sleep(500 + Math.random() * 3000);
  }
  const events = scene.pool.happened.slice(first);
  const wrong = events.filter(isPutOut).length;
  const what = `false evictions in ${seconds} s, homeserver in trouble ${flaps} times`;
  figures.report(what, wrong, '', '= 0', wrong === 0, { events });
  reportLost(events);
  const deaf = await scene.deaf();
  figures.report('members without media after that', deaf.length, '', '= 0', deaf.length === 0, { deaf });
}

// A message in every room, and one membership in each is sent anew.
async function sayAndRenew(scene) {
  for (const call of scene.calls) {
    const { name } = call.members[Math.floor(Math.random() * call.members.length)];
    call.room.send(scene.world.id(name), 'm.room.message', { body: 'still here' });
    scene.world.announce(name, { room: call.room });
  }
}

async function measureCases() {
  const { run: killedClient } = await import('../tests/e2e/cases/matrix-killed-client.mjs');
  await killedClient(stage((name, value) => (
    figures.report(`killed client: ${name}`, value, 'ms', '≤ 20000', value <= 20000))));
  await cleanUp();
  const { run: tokenThroughput } = await import('../tests/e2e/cases/token-throughput.mjs');
  await tokenThroughput(stage((name, value) => {
    const promised = name === 'validated requests per second of one core';
    figures.report(name, value, '', promised ? '≥ 2000' : '', promised ? value >= 2000 : null);
  }));
  await cleanUp();
}

async function measureMalformed() {
  const waits = await refuseMalformed(stage(), MALFORMED);
  for (const [what, all] of Object.entries(waits)) reportTimes(`malformed ${what}`, all, { p99: 10 });
  await cleanUp();
}

async function measureCalls() {
  const { rooms, participants, talkers, video } = options;
  const scene = await Scene.start({
    rooms: Number(rooms), participants: Number(participants), talkers: Number(talkers), video,
  });
  await sleep(SETTLE_MS);
  console.error(`  ${rooms} rooms of ${participants}, of whom ${talkers} publish`);
  if (Number(options.evictions)) await measureEvictions(scene, Number(options.evictions));
  if (Number(options.flap)) await measureFlapping(scene, Number(options.flap));
  scene.focus.assertAlive();
  await cleanUp();
}

// A real homeserver, and a room of five of which four are banned in turn.
async function measureBans(count) {
  const scene = await SynapseBans.start(stage(), ['host', 'ann', 'ben', 'cleo', 'dan']);
  await sleep(SETTLE_MS);
  const seen = [];
  for (let i = 0; i < count; i += 1) {
    const member = scene.members[i % scene.members.length];
    seen.push(await scene.ban(member));
    await scene.comeBack(member);
    if (seen.length % PROGRESS_EVERY === 0) console.error(`  ${seen.length} bans`);
  }
  reportTimes('ban accepted by Synapse to last packet', seen.map((one) => one.lastMs), { p99: 1000 });
  reportTimes('Synapse answering a ban', seen.map((one) => one.answerMs));
  await cleanUp();
}

try {
  console.error(`measuring ${focusBinary()}`);
  if (!options['calls-only']) {
    await measureCases();
    await measureMalformed();
  }
  if (Number(options.bans)) await measureBans(Number(options.bans));
  if (Number(options.rooms)) await measureCalls();
  if (options.simulators) await runSimulators(figures, options.simulators);
  figures.printTable();
  if (options.json) figures.writeJson(options.json, { options });
  process.exitCode = figures.hold ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await cleanUp();
process.exit();
