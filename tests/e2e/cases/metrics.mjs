// What a scraper reads: a strict reading of every line, before, during and after a call of members of a
// Matrix room, and a room whose name was made to break the page.
import { check, equal, until } from '../lib/expect.mjs';
import { FakeWorld } from '../lib/fake-world.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { NativePeer } from '../lib/native.mjs';
import { freePorts } from '../lib/service.mjs';

export const about = 'metrics are well formed, follow a call from start to end, and survive hostile names';
export const timeoutSeconds = 90;

const LOGIN = 'scraper:with a password';
const HOSTILE = 'x"} 1\nfovea_calls 99\\';

export async function run(t) {
  const [port] = await freePorts(1);
  const [username, password] = LOGIN.split(':');
  const world = await FakeWorld.start(t, { focusConfig: { prometheus: { port, username, password } } });
  const url = `http://${world.focus.ready.metrics}/metrics`;
  await refuses(t, world, url);
  const scrape = () => Metrics.scrape(url, { login: LOGIN });
  const first = await scrape();
  equal([first.value('fovea_calls'), first.value('livekit_participant_total')], [0, 0], 'an idle focus');

  const { alice, bob, room } = await follows(t, world, scrape, first);
  await survivesNames(t, world, scrape);
  await counts(t, world, scrape, bob);
  await alice.leave();
  const last = await ends(scrape, room);
  last.assertNoCounterFell(first);
  equal(last.value('fovea_calls_started_total'), 1, 'calls started');
  t.step('the call ended, and its series with it');
}

async function refuses(t, world, url) {
  const status = async (...request) => (await fetch(...request)).status;
  const authorization = `Basic ${Buffer.from(LOGIN).toString('base64')}`;
  const wrong = `Basic ${Buffer.from('scraper:guess').toString('base64')}`;
  equal(await status(url), 401, 'without a password');
  equal(await status(url, { headers: { authorization: wrong } }), 401, 'with a wrong one');
  equal(await status(`${url}/x`, { headers: { authorization } }), 404, 'another path');
  equal(await status(url, { method: 'POST', headers: { authorization } }), 405, 'POST');
  equal(await status(`${world.serviceUrl}/metrics`), 404, 'the port for clients');
  t.step('only who knows the password reads, and only at its own port');
}

// Alice and bob are in a call, carol says so but is not.
async function follows(t, world, scrape, first) {
  const alice = await world.enterCall('alice');
  const bob = await world.enterCall('bob');
  world.announce('carol');
  await world.delivered();
  await world.everyoneSeesEveryone([alice, bob]);
  const during = await until('the packets of both are counted', async () => {
    const page = await scrape();
    const out = page.value('livekit_packet_total', { direction: 'outgoing', transmission: 'initial' });
    return out > 0 && page.value('livekit_track_subscribed_total', { kind: 'VIDEO' }) === 2 && page;
  });
  during.assertNoCounterFell(first);
  const [{ labels: { room } }] = during.all('fovea_call_participants');
  const of = (name, more) => during.value(name, { room, ...more });
  equal(of('fovea_call_participants'), 2, 'participants');
  equal([of('fovea_call_publishers', { kind: 'video' }), of('fovea_call_publishers', { kind: 'audio' })],
    [2, 0], 'publishers of video and audio');
  equal([of('fovea_call_members'), of('fovea_call_members_without_media'),
    of('fovea_call_media_without_member')], [3, 1, 0], 'members of record, without media, the reverse');
  equal(during.value('fovea_calls'), 1, 'calls');
  equal(during.value('livekit_room_total'), 1, 'rooms');
  check(!room.includes(world.room.id), 'the Matrix room id is a label', room);
  const since = of('fovea_call_start_time_seconds') * 1000;
  check(since > Date.now() - 60_000 && since <= Date.now(), 'the start of the call', since);
  check(during.value('process_resident_memory_bytes') > 1e6, 'memory');
  check(during.value('fovea_homeserver_last_push_age_seconds') < 60, 'age of the last push');
  t.step('gauges tell who is there and who only says so');

  await until('packets and processor time go on rising', async () => {
    const later = await scrape();
    later.assertNoCounterFell(during);
    return ['livekit_packet_total', 'livekit_packet_bytes', 'fovea_worker_cpu_seconds_total',
      'fovea_worker_received_datagrams_total'].every((name) => later.value(name) > during.value(name));
  });
  t.step('counters rise');
  return { alice, bob, room };
}

async function survivesNames(t, world, scrape) {
  const names = [HOSTILE, 'control \u0001', 'control \u0002', 'plain'];
  const peers = [];
  for (const room of names) peers.push(await NativePeer.join(world.focus, 'mallory', { room }));
  const page = await scrape();
  const shown = page.all('fovea_call_participants').map((sample) => sample.labels.room);
  for (const name of [HOSTILE, 'control \ufffd', 'plain']) check(shown.includes(name), `${name} is there`, shown);
  equal(page.value('fovea_calls'), 1, 'calls, whatever a room is called');
  equal(shown.length, 4, 'series: two names that look the same have one');
  check(page.value('fovea_call_series_left_out_total') > 0, 'the other one is counted');
  for (const peer of peers) await peer.leave();
  t.step('a room can be called anything');
}

async function counts(t, world, scrape, bob) {
  await world.evicts([bob], () => world.room.kick(world.id('alice'), world.id('bob')));
  await world.refusesOldToken(bob, 'bob');
  const refused = await world.askToken('bob');
  equal(refused.status, 403, 'a new token for bob');
  const page = await until('the fence is acknowledged', async () => {
    const now = await scrape();
    return now.value('fovea_eviction_seconds_count') === 1 && now;
  });
  equal(page.value('fovea_evictions_total', { reason: 'user_kicked' }), 1, 'evictions by a kick');
  equal(page.value('fovea_evictions_total'), 1, 'evictions');
  equal(page.value('fovea_admission_decisions_total', { verdict: 'deny', reason: 'not_joined' }), 1, 'denied');
  equal(page.value('fovea_token_requests_total', { result: 'minted' }), 2, 'tokens');
  check(page.value('livekit_participant_join_total', { state: 'signal_failed' }) > 0, 'refused joins');
  t.step('the kick, the refused join and the refused token are counted');
}

function ends(scrape, room) {
  return until('the series of the call are gone', async () => {
    const page = await scrape();
    const samples = [...page.families.values()].flatMap((family) => [...family.series.values()]);
    const ended = page.value('fovea_calls_ended_total', { last_left: 'client_left' });
    return !samples.some((sample) => sample.labels.room === room) && ended === 1
      && page.value('fovea_calls') === 0 && page;
  });
}
