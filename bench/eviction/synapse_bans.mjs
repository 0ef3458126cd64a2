// One call at a real Synapse, whose members are banned in turn: from the homeserver's answer to the ban
// to the last packet.
import { check, equal, sleep, until } from '../../tests/e2e/lib/expect.mjs';
import { MEMBER, memberKey, membership } from '../../tests/e2e/lib/membership.mjs';
import { MatrixWorld } from '../../tests/e2e/lib/matrix-world.mjs';
import { Capture } from './capture.mjs';
import { GuestPool } from './guest_pool.mjs';

const PUT_OUT_TIMEOUT_MS = 20000;
const WATCHED_BEFORE_MS = 250;
const WATCHED_AFTER_MS = 1000;
const now = () => performance.timeOrigin + performance.now();

export class SynapseBans {
  // The first of `people` makes the room and bans; all of them talk.
  static async start(t, people) {
    const self = new SynapseBans();
    self.world = await MatrixWorld.start(t, { people, encrypted: false, hurried: true });
    self.pool = await GuestPool.start(1);
    [self.host, ...self.members] = people.map((name) => ({ name, key: name, user: self.world.users[name] }));
    for (const member of [self.host, ...self.members]) await self.#enter(member);
    self.capture = await Capture.start(self.world.focus.ready);
    return self;
  }

  async #askToken({ user }) {
    const response = await fetch(`${this.world.serviceUrl}/sfu/get`, {
      method: 'POST',
      body: JSON.stringify({ room: this.world.room, device_id: user.device, openid_token: await user.openId() }),
    });
    return { status: response.status, ...(await response.json()) };
  }

  async #enter(member) {
    const { room, serviceUrl } = this.world;
    const { user, key } = member;
    const { status, url, jwt } = await this.#askToken(member);
    equal(status, 200, `a token for ${key}`);
    await this.pool.ask(0, 'join', { key, url, token: jwt, audio: true });
    await user.setState(room, MEMBER, memberKey(user.id, user.device), membership({
      device: user.device, roomId: room, serviceUrl,
    }));
  }

  // {lastMs, packets}: `lastMs` is when the last packet passed, after Synapse had answered the ban; below zero
  // if the push was faster than the answer.
  async ban(member) {
    const { room } = this.world;
    const { ends } = await this.pool.ask(0, 'describe', { key: member.key });
    this.capture.watch(member.key, ends);
    await sleep(WATCHED_BEFORE_MS);
    const told = this.pool.next(member.key, PUT_OUT_TIMEOUT_MS);
    const asked = now();
    await this.host.user.ban(room, member.user);
    const accepted = now();
    equal((await told).reason, 'PARTICIPANT_REMOVED', `why ${member.key} was put out`);
    await sleep(WATCHED_AFTER_MS);
    const packets = await this.capture.take(member.key);
    check(packets.some(({ at }) => at < asked), `no media of ${member.key} was seen before`);
    equal((await this.#askToken(member)).status, 403, `a token for ${member.key}, who is banned`);
    return { lastMs: packets.at(-1).at - accepted, answerMs: accepted - asked };
  }

  async comeBack(member) {
    const { room } = this.world;
    await this.host.user.unban(room, member.user);
    await this.host.user.invite(room, member.user);
    await member.user.join(room);
    await until(`${member.key} may come back`, async () => (await this.#askToken(member)).status === 200,
      { everyMs: 50 });
    await this.#enter(member);
  }
}
