// What a focus knows of a call that its room does not, asked for and told: GET /fovea/v1/calls, and the
// webhooks call_started, call_without_publisher and call_ended. LiveKit's own SDK checks each signature. Nobody else is
// told who they are: not the log of an ordinary focus, nor its metrics.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { freePorts } from '../lib/service.mjs';
import { token } from '../lib/tokens.mjs';
import { Webhooks } from '../lib/webhooks.mjs';

export const about = 'who is in a call and who only says so, when it began and why it ended, by GET and webhook alone';
export const timeoutSeconds = 90;

const script = fileURLToPath(new URL('../lib/native-guest.mjs', import.meta.url));

export async function run(t) {
  const hooks = await Webhooks.listen();
  const [port] = await freePorts(1);
  const world = await FakeWorld.start(t, {
    focusConfig: { ...hooks.config, logging: { level: 'info' }, prometheus: { port } },
  });
  await asksForAToken(t, world);
  const alice = await starts(t, world, hooks);
  await namesNobody(t, world, { inMetrics: 'fovea_call_members{', inLog: 'joined room' });
  await isNobodyElsesBusiness(t, world, hooks);
  await ends(t, world, hooks, alice);
  await endsByEviction(t, world, hooks);
  await isLost(t, world, hooks);
  await namesNobody(t, world, { inMetrics: 'fovea_calls_started_total 3', inLog: 'a member was put out' });
  equal(hooks.rejected, [], 'webhooks that the SDK refused');
}

const listing = () => token({ identity: 'dashboard', video: { roomList: true } });

async function ask(world, room = '', bearer = listing()) {
  const response = await fetch(`${world.serviceUrl}/fovea/v1/calls${room && `/${encodeURIComponent(room)}`}`, {
    headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
  });
  return { status: response.status, ...await response.json() };
}

async function callIn(world, room = world.room) {
  const { status, calls } = await ask(world, room.id);
  equal([status, calls?.length], [200, 1], 'one call in that room');
  return calls[0];
}

// The newest webhook of that name, with what it says of the call.
async function told(hooks, name, nth = 1, { timeoutMs } = {}) {
  await until(`${nth} × ${name}`, () => hooks.events.filter((e) => e.event === name).length >= nth, {
    timeoutMs, describe: () => ({ names: hooks.names(), rejected: hooks.rejected }),
  });
  const { room } = hooks.events.filter((e) => e.event === name)[nth - 1];
  return { name: room.name, ...JSON.parse(room.metadata) };
}

const memberOf = (call, id) => call.members.find((member) => member.user_id === id);

async function asksForAToken(t, world) {
  equal((await ask(world, '', null)).status, 401, 'without a token');
  equal((await ask(world, '', token({ identity: 'x', room: 'y' }))).status, 403, "with a participant's");
  equal((await ask(world, '', `${listing()}x`)).status, 401, 'with a forged one');
  const nothing = await ask(world);
  equal([nothing.status, nothing.calls], [200, []], 'calls of an idle focus');
  equal((await ask(world, world.room.id)).status, 404, 'a room without a call');
  t.step('only who may list rooms is told');
}

// Alice is a member with media, bob one without, carol has media and no membership.
async function starts(t, world, hooks) {
  const before = Date.now();
  const alice = await world.enterCall('alice', { media: false });
  const started = await told(hooks, 'call_started');
  equal([started.on, started.room_id, started.opened_by], [true, world.room.id, world.id('alice')], 'call_started');
  check(started.since_ms >= before - 1000 && started.since_ms <= Date.now(), 'since when', started.since_ms);
  equal((await callIn(world)).publishing, 0, 'publishers before any track');

  await alice.publishTone();
  await until('it is an audio call', async () => (await callIn(world)).intent === 'audio');
  alice.video = await alice.publishVideo({ width: 160, height: 90, fps: 15 });
  world.announce('bob');
  const carol = await world.enterCall('carol', { membership: false, media: false });
  await world.delivered();
  const call = await until('video and carol are there', async () => {
    const now = await callIn(world);
    return now.intent === 'video' && now.connected === 2 && now;
  });
  equal([call.publishing, call.members_without_media, call.media_without_member], [1, 1, 1], 'who is there');
  const line = (name) => {
    const { of_record, connected, audio_tracks, video_tracks } = memberOf(call, world.id(name));
    return [of_record, connected, audio_tracks, video_tracks];
  };
  equal(line('alice'), [true, true, 1, 1], 'alice: of record, connected, tracks');
  equal(line('bob'), [true, false, 0, 0], 'bob says that he is there');
  equal(line('carol'), [false, true, 0, 0], 'carol is there and does not say so');
  equal(call.members.length, 3, 'members');
  await carol.leave();
  await until('carol is gone', async () => !memberOf(await callIn(world), world.id('carol')));
  equal((await callIn(world)).last_left, 'client_left', 'why the last one left');
  equal(hooks.names().filter((name) => name === 'call_started').length, 1, 'starts');
  t.step('members of record and media present, each by itself');
  return alice;
}

// The log and the metrics tell of what happened, and not to whom nor in which room.
async function namesNobody(t, world, { inMetrics, inLog }) {
  const metrics = await (await fetch(`http://${world.focus.ready.metrics}/metrics`)).text();
  const log = world.focus.tail(4000);
  check(metrics.includes(inMetrics), `metrics without ${inMetrics}`, metrics);
  check(log.includes(inLog), `a log without "${inLog}"`, log);
  // Encoded or not; a room's name for LiveKit's clients is a hash.
  const names = [...world.people.flatMap((name) => [`@${name}`, `%40${name}`]), /^!([^:]+)/.exec(world.room.id)[1]];
  for (const [what, text] of Object.entries({ metrics, log })) {
    const lines = text.split('\n').filter((line) => names.some((name) => line.includes(name)));
    check(lines.length === 0, `the ${what} of the focus name somebody, or the room`, lines);
  }
  t.step('neither the log nor the metrics name a user or a Matrix room');
}

// Somebody elsewhere writes rubbish into the room and has a call of their own that flaps.
async function isNobodyElsesBusiness(t, world, hooks) {
  const before = await callIn(world);
  const events = hooks.events.length;
  const member = 'org.matrix.msc3401.call.member';
  const carol = world.id('carol');
  for (const content of [
    { application: 7 }, { memberships: 'x' }, { application: 'm.call', device_id: [], call_id: {} },
    { application: 'm.call', call_id: '', scope: 'm.room', device_id: 'DEVICE' },
  ]) {
    world.room.setState(carol, member, `_${world.id('alice')}_DEVICE_m.call`, content);
    world.room.setState(carol, member, world.id('bob'), content);
  }
  for (let i = 0; i < 3; ++i) {
    const peer = await NativePeer.join(world.focus, 'mallory', { room: 'another' });
    await peer.publishTone();
    await peer.leave();
  }
  await world.delivered();
  const after = await callIn(world);
  const facts = ({ members, members_without_media, media_without_member, ...rest }) => rest;
  equal(facts(after), facts(before), 'the call, but for who says what');
  equal(memberOf(after, world.id('alice')).connected, true, 'alice');
  const about = hooks.events.slice(events).filter((e) => e.event.startsWith('call_'));
  equal(about.map((e) => e.event), [], 'webhooks about calls');
  t.step("somebody's rubbish and somebody's other room change nothing of this call");
}

async function ends(t, world, hooks, alice) {
  for (const publication of [...alice.room.localParticipant.trackPublications.values()]) {
    await alice.room.localParticipant.unpublishTrack(publication.sid);
  }
  const silent = await told(hooks, 'call_without_publisher');
  equal([silent.on, silent.connected, silent.publishing], [true, 1, 0], 'call_without_publisher');
  t.step('the last publisher is gone, the call is still on: ringing can stop');
  await alice.leave();
  const ended = await told(hooks, 'call_ended');
  equal([ended.on, ended.last_left, ended.intent], [false, 'client_left', 'video'], 'call_ended');
  check(ended.ended_ms >= ended.since_ms, 'when it ended', ended);
  const call = await callIn(world);
  equal([call.on, call.ended_ms, call.connected], [false, ended.ended_ms, 0], 'what GET says');
  equal(hooks.names().filter((name) => name.startsWith('call_')),
    ['call_started', 'call_without_publisher', 'call_ended'], 'webhooks, in order');
  t.step('call_ended says why');
}

async function endsByEviction(t, world, hooks) {
  const bob = await world.enterCall('bob');
  const started = await told(hooks, 'call_started', 2);
  equal(started.opened_by, world.id('bob'), 'who opened the next call');
  check(started.ended_ms === undefined, 'an end before the end', started);
  await until('bob publishes', async () => (await callIn(world)).publishing === 1);
  await world.evicts([bob], () => world.room.kick(world.id('alice'), world.id('bob')));
  const silent = await told(hooks, 'call_without_publisher', 2);
  equal(silent.name, started.name, 'the room of the silence');
  equal((await told(hooks, 'call_ended', 2)).last_left, 'evicted', 'why it ended');
  t.step('a kick ends a call: no publisher, ended, evicted');
}

// A client whose process is gone says no goodbye.
async function isLost(t, world, hooks) {
  const { url, jwt } = await world.mint('carol');
  const guest = spawn(process.execPath, [script], {
    env: { ...process.env, GUEST_URL: url, GUEST_TOKEN: jwt }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  onCleanup('guest', () => guest.kill('SIGKILL'));
  await told(hooks, 'call_started', 3);
  await until('the guest publishes', async () => (await callIn(world)).publishing === 1, { timeoutMs: 20000 });
  guest.kill('SIGKILL');
  const ended = await told(hooks, 'call_ended', 3, { timeoutMs: 30000 });
  equal(ended.last_left, 'connection_lost', 'why it ended');
  t.step('a client that was killed is a connection that was lost');
}
