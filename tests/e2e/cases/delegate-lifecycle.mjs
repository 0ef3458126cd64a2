// Every way a delegated leave can go, by each of the three routes: with another LiveKit server whose
// webhooks and RoomService tell who is there.
import { atLeast, atMost, check, equal, sleep } from '../lib/expect.mjs';
import { ExternalWorld, ROUTES } from '../lib/external-world.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { freePorts } from '../lib/service.mjs';

export const about = 'Delegated leave beside another LiveKit server: connect, leave, abort, vanish, replace';
export const timeoutSeconds = 90;

export async function run(t) {
  const [metrics] = await freePorts(1);
  const world = await ExternalWorld.start(t, {
    redis: true,
    env: {
      LIVEKIT_SANITY_CHECK_INTERVAL_SECONDS: '1',
      LIVEKIT_CONFIG: `bind_addresses: [127.0.0.1]\nprometheus_port: ${metrics}\n`,
    },
  });
  for (const route of ROUTES) {
    for (const [name, story] of Object.entries(stories)) {
      world.hs.calls.length = 0;
      world.hs.times.length = 0;
      world.hs.status = () => 200;
      world.sfu.present.clear();
      const one = new Story(world, route, `${name} ${route}`);
      await story(one).catch((error) => {
        error.message = `${route}, ${name}: ${error.message}`;
        throw error;
      });
      await world.unstored();
    }
    t.step(`${route}: ${Object.keys(stories).length} stories`);
  }
  equal(world.sfu.faults, [], 'requests that the SFU would refuse');
  const page = await Metrics.scrape(`http://127.0.0.1:${metrics}/metrics`);
  const ended = (result) => page.value('fovea_delayed_leaves_total', { result });
  atLeast(ended('sent'), ROUTES.length, 'leaves sent, as metrics count them');
  atLeast(ended('replaced'), ROUTES.length, 'leaves replaced');
  equal(page.value('livekit_room_total'), undefined, 'rooms, which the other server has');
}

// One participant with one delayed event.
class Story {
  constructor(world, route, id) {
    Object.assign(this, { world, route, id, calls: world.hs });
    this.who = world.hs.user(`u${id.replace(/[^a-z]/gi, '').toLowerCase()}`);
  }
  async delegate(delay, id = this.id) { this.place = await this.world.delegate(this.route, this.who, id, delay); }
  // Seen by lookups too, as a real one would be.
  async joins() {
    this.world.sfu.present.add(`${this.place.room} ${this.place.identity}`);
    await this.world.webhook('participant_joined', this.place);
  }
  async leaves(event = 'participant_left', disconnectReason = 'CLIENT_INITIATED') {
    this.vanishes();
    await this.world.webhook(event, this.place, { disconnectReason });
  }
  vanishes() { this.world.sfu.present.delete(`${this.place.room} ${this.place.identity}`); }
  sees(action, id = this.id, timeoutMs = 2000) { return this.world.called(`${action} ${id}`, timeoutMs); }
  count(action, id = this.id) { return this.world.hs.count(`${action} ${id}`); }
}

const stories = {
  async 'nobody comes'(s) {
    await s.delegate(1000);
    await s.sees('send');
    equal(s.count('restart'), 0, 'restarts');
  },
  async 'found by a lookup'(s) {
    await s.delegate();
    s.world.sfu.present.add(`${s.place.room} ${s.place.identity}`);
    await s.sees('restart', s.id, 5000);
    await s.leaves();
    await s.sees('send');
  },
  async 'aborted before media'(s) {
    await s.delegate();
    await s.leaves('participant_connection_aborted', 'JOIN_FAILURE');
    await s.world.unstored();
    s.world.quiet('the client never connected');
  },
  async 'aborted after it was connected'(s) {
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    await s.leaves('participant_connection_aborted', 'STATE_MISMATCH');
    await s.sees('send');
  },
  async 'leaves'(s) {
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    await s.leaves();
    await s.sees('send');
  },
  async 'vanishes without a webhook'(s) {
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    s.vanishes();
    await s.sees('send', s.id, 6000);
  },
  async 'stays for long'(s) {
    await s.delegate(1500);
    await s.joins();
    await sleep(4000);
    atLeast(s.count('restart'), 4, 'restarts in four seconds of a delay of 1.5 s');
    atMost(s.count('restart'), 5, 'restarts in four seconds of a delay of 1.5 s');
    equal(s.count('send'), 0, 'sends during the call');
    const gaps = s.calls.times.slice(1).map((time, i) => time - s.calls.times[i]);
    check(gaps.every((gap) => gap > 1050 && gap < 1400), 'restarts at four fifths of the delay', gaps);
    await s.leaves();
    await s.sees('send');
  },
  async 'the event is unknown at the first restart'(s) {
    s.calls.status = (action) => (action === 'restart' ? 404 : 200);
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    await s.world.unstored();
    await s.leaves();
    await sleep(300);
    equal(s.count('send'), 0, 'sends of an event that is not there');
  },
  async 'the event was sent by the homeserver'(s) {
    s.calls.status = (action) => (action === 'send' ? 404 : 200);
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    await s.leaves();
    await s.sees('send');
    await s.world.unstored();
    await sleep(1500);
    equal(s.count('send'), 1, 'sends');
  },
  async 'the homeserver is overloaded'(s) {
    let refusals = 2;
    s.calls.status = (action) => {
      if (action === 'restart' || refusals === 0) return 200;
      refusals -= 1;
      return 503;
    };
    await s.delegate();
    await s.joins();
    await s.sees('restart');
    await s.leaves();
    await s.world.unstored(6000);
    equal(s.count('send'), 3, 'sends');
  },
  async 'a newer job takes over'(s) {
    const newer = `${s.id} again`;
    await s.delegate();
    await s.delegate(3600000, newer);
    await s.joins();
    await s.sees('restart', newer);
    await s.leaves();
    await s.sees('send', newer);
    equal([s.count('restart'), s.count('send')], [0, 0], 'calls for the older job');
  },
  async 'two people do not mind each other'(s) {
    const other = new Story(s.world, s.route, `${s.id} other`);
    await s.delegate();
    await other.delegate();
    await s.joins();
    await other.joins();
    await s.sees('restart');
    await other.sees('restart');
    await s.leaves();
    await s.sees('send');
    equal(other.count('send'), 0, 'sends for the one who stays');
    await other.leaves();
    await other.sees('send');
  },
  async 'a webhook with a wrong signature'(s) {
    await s.delegate();
    await s.world.webhook('participant_joined', s.place, { secret: 'not-the-secret' });
    await sleep(300);
    s.world.quiet('nobody vouches for that webhook');
    await s.leaves('participant_connection_aborted', 'JOIN_FAILURE');
  },
};
