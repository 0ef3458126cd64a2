// Ten calls of five over one focus and a fake homeserver, and one member put out of them under a capture.
import http from 'node:http';
import { Focus } from '../../tests/e2e/lib/focus.mjs';
import { FakeWorld } from '../../tests/e2e/lib/fake-world.mjs';
import { equal, sleep, until } from '../../tests/e2e/lib/expect.mjs';
import { freePorts } from '../../tests/e2e/lib/service.mjs';
import { Capture } from './capture.mjs';
import { FenceClock } from './fence_clock.mjs';
import { GuestPool } from './guest_pool.mjs';

const PROCESSES = 5;
const PUT_OUT_TIMEOUT_MS = 20000;  // until a client that starves has noticed
// How long the ports are watched after the client knew. What comes later would be another's packet:
// the kernel may give the port away again.
const WATCHED_AFTER_MS = 1000;
// Long enough to show that it is this member's media that are seen.
const WATCHED_BEFORE_MS = 250;
const MEDIA_TRIES = 20;
const AFTER_FENCE_MS = 20;  // from then on nothing may go to a member any more

// What a case of tests/e2e gets as `t`, for those that are measured here.
export const stage = (figure = () => {}) => ({
  focus: (options) => Focus.start(options), step: () => {}, watch: (service) => service, figure,
});

export class Scene {
  calls = [];  // {room, members: [{name, key, place, talks, jwt, sid}]}

  // `talkers` of every call publish, all are subscribed to them.
  static async start({ rooms, participants, talkers, video }) {
    const scene = new Scene();
    const [port] = await freePorts(1);
    scene.world = await FakeWorld.start(stage(), {
      people: ['host'], focusConfig: { logging: { level: 'info' }, prometheus: { port } },
    });
    scene.fences = new FenceClock(`http://${scene.focus.ready.metrics}/metrics`);
    scene.pool = await GuestPool.start(Math.min(PROCESSES, rooms));
    Object.assign(scene, { talkers, video });
    for (let place = 0; place < rooms; place += 1) await scene.#openCall(place, participants);
    await scene.#tryGoodToken();
    scene.capture = await Capture.start(scene.focus.ready);
    return scene;
  }

  get focus() { return this.world.focus; }

  async #openCall(place, participants) {
    const names = Array.from({ length: participants }, (_, i) => `r${place}p${i}`);
    const call = { room: this.world.newRoom(names), members: [] };
    this.calls.push(call);
    await this.world.delivered();
    for (const name of names) {
      const talks = call.members.length < this.talkers;
      const member = { name, place, key: name, talks };
      call.members.push(member);
      await this.enter(call, member);
    }
  }

  async enter(call, member) {
    const { url, jwt } = await this.world.mint(member.name, { room: call.room.id });
    const { sid } = await this.pool.ask(member.place, 'join', {
      key: member.key, url, token: jwt, audio: member.talks, video: member.talks && this.video,
    });
    Object.assign(member, { jwt, sid });
    this.world.announce(member.name, { room: call.room });
  }

  // Those who got no packet of anybody for two seconds, though somebody else in their call talks.
  async deaf() {
    const listeners = this.calls.flatMap(({ members }) => members.filter((member) => (
      members.some((other) => other !== member && other.talks))));
    const count = () => Promise.all(listeners.map(({ place, key }) => (
      this.pool.ask(place, 'received', { key }).catch(() => ({ packets: 0 })))));
    const before = await count();
    await sleep(2000);
    const after = await count();
    return listeners.filter((_, i) => after[i].packets <= before[i].packets).map(({ key }) => key);
  }

  // Kicked, watched, tried with every old token, joined again. What was seen, in ms after the transaction
  // reached the focus.
  async evict(call, member) {
    const { ends, token: newest } = await this.pool.ask(member.place, 'describe', { key: member.key });
    this.capture.watch(member.key, ends);
    await this.#mediaFlow(member);
    const told = this.pool.next(member.key, PUT_OUT_TIMEOUT_MS);
    told.catch(() => {});  // Heard below, which the wait for the fence comes before.
    const [user, kicker] = [this.world.id(member.name), call.members.find((m) => m !== member)];
    const { done: kick, fenceMs } = await this.fences.time(() => call.room.kick(this.world.id(kicker.name), user));
    const { at: toldAt, reason } = await told;
    await sleep(WATCHED_AFTER_MS);
    const packets = await this.capture.take(member.key);
    const tokens = await this.#tokens(member, newest);
    const minted = (await this.world.askToken(member.name, { room: call.room.id })).status;
    const times = this.#times(kick, { fenceMs, toldAt }, packets);
    const joined = performance.now();
    call.room.join(user);
    await until(`${member.name} may come back`, async () => (
      (await this.world.askToken(member.name, { room: call.room.id })).status === 200), { everyMs: 20 });
    const readmittedMs = performance.now() - joined;
    await this.enter(call, member);
    const later = await this.#tokens({ ...member, jwt: tokens.old.token, sid: tokens.sid }, newest);
    return { ...times, reason, minted, tokens, later, readmittedMs };
  }

  // The only talker of a call may just be on the way back into it: then nothing goes to the others.
  async #mediaFlow({ place, key, talks }) {
    const received = async () => (await this.pool.ask(place, 'received', { key })).packets;
    for (let packets = await received(), left = MEDIA_TRIES; left > 0; left -= 1) {
      await sleep(WATCHED_BEFORE_MS);
      const now = await received();
      if (talks || now > packets) return;
      packets = now;
    }
  }

  #times(kick, { fenceMs, toldAt }, packets) {
    const transaction = this.world.hs.pusher.sent.findLast(({ events }) => events.includes(kick));
    const start = this.capture.transactionAt(transaction.id);
    const ms = (packet) => (packet === undefined ? null : packet.at - start);
    // The focus counts from when it has read the transaction; so this is early rather than late.
    const after = packets.filter((packet) => packet.at > start + fenceMs + AFTER_FENCE_MS);
    return {
      before: packets.filter((packet) => packet.at < start).length,
      lastToMemberMs: ms(packets.findLast((packet) => packet.toMember)),
      lastEitherMs: ms(packets.at(-1)),
      fenceMs,
      toldMs: toldAt - start,
      toMemberAfterFence: after.filter((packet) => packet.toMember).length,
      fromMemberAfterFence: after.filter((packet) => !packet.toMember).length,
    };
  }

  // The status that a WebSocket with this token is answered with.
  #open(token, more = '') {
    return upgrade(`${this.focus.httpUrl}/rtc?access_token=${token}&protocol=16&auto_subscribe=1${more}`);
  }

  // That a refusal is the token's doing: a good one, shown the same way, opens the room.
  async #tryGoodToken() {
    const { jwt } = await this.world.mint('host');
    equal(await this.#open(jwt), 101, 'the status for a token that is good');
  }

  // {old, refreshed, resume}: what the focus answers to each; `refreshed` is null if there was none.
  async #tokens({ jwt, sid }, newest) {
    return {
      sid,
      old: { token: jwt, status: await this.#open(jwt) },
      refreshed: newest === jwt ? null : { status: await this.#open(newest) },
      resume: { status: await this.#open(newest, `&reconnect=1&sid=${sid}`) },
    };
  }
}

// The status that a WebSocket is answered with; 101 is a socket.
function upgrade(url) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      agent: false,
      headers: {
        connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.from('0123456789abcdef').toString('base64'),
      },
    });
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    request.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
    request.on('error', reject).end();
  });
}
