// A fake homeserver, a Fovea that trusts it, and native clients as call members: fast enough for cases
// about who may stay in a call.
import { DisconnectReason } from '@livekit/rtc-node';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';
import { Skip, check, equal, sleep, until } from './expect.mjs';
import { FakeHomeserver } from './fake-homeserver/server.mjs';
import { planFocus, startFocus } from './matrix-focus.mjs';
import { MEMBER, memberKey, membership } from './membership.mjs';
import { NativePeer } from './native.mjs';
import { freePorts } from './service.mjs';
import { selfSigned } from './synapse.mjs';
import { merge } from './yaml.mjs';

export class FakeWorld {
  users = {};

  // `people` are localparts; the first makes the room and the others join it. With `bySync` the focus is
  // no application service: it reads /sync as the user "watcher", who should be one of them. With `overTls` it asks by
  // the TLS listener, whose certificate homeserver.ca_file vouches for.
  static async start(t, {
    people = ['alice', 'bob', 'carol'], focusConfig = {}, homeserver, bySync = false, overTls = false,
  } = {}) {
    const self = new FakeWorld();
    const [http, tls] = await freePorts(2);
    const plan = await planFocus({ http, tls });
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-fake-'));
    onCleanup('certificate', () => fs.rmSync(folder, { recursive: true }));
    const files = selfSigned(folder);
    const hs = await FakeHomeserver.start({
      name: plan.serverName, appservice: bySync ? undefined : plan.appservice, focusUrl: plan.serviceUrl,
      ports: { http, tls }, tls: files, push: { secondMs: 50 }, ...homeserver,
    });
    const reader = bySync
      ? { homeserver: { access_token: 'token_watcher' }, appservice: { as_token: '', hs_token: '' } } : {};
    const trust = overTls ? { homeserver: { ca_file: files.cert } } : {};
    const focus = await startFocus(
      t, plan, overTls ? hs.tlsUrl : hs.url, merge(merge(trust, reader), focusConfig));
    Object.assign(self, { t, hs, focus, plan, people, serviceUrl: plan.serviceUrl });
    self.room = self.newRoom(people);
    await hs.pusher?.idle();
    return self;
  }

  // A room of these people, the first of whom makes it.
  newRoom(names) {
    for (const name of names) this.users[name] = this.hs.user(name);
    const room = this.hs.createRoom(this.users[names[0]]);
    for (const name of names.slice(1)) room.join(this.id(name));
    return room;
  }

  id(name) { return this.users[name].id; }

  identity(name, device = 'DEVICE') { return `${this.id(name)}:${device}`; }

  // A request to the token service; {status, headers, text, ...what the JSON says}.
  async ask(route, body, { method = 'POST', headers = {} } = {}) {
    const response = await fetch(`${this.serviceUrl}${route}`, {
      method, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, ...answer };
  }

  // POST /sfu/get as Element Call does.
  askToken(name, { device = 'DEVICE', room = this.room.id, openId, ...more } = {}) {
    const proof = openId ?? this.hs.openIdFor(this.id(name));
    return this.ask('/sfu/get', { room, device_id: device, openid_token: proof, ...more });
  }

  // POST /get_token, as in the mode matrix_2_0.
  askHashedToken(name, { device = 'DEVICE', member = 'member', openId, route = '/get_token', ...more } = {}) {
    return this.ask(route, {
      room_id: this.room.id, slot_id: 'm.call#ROOM',
      openid_token: openId ?? this.hs.openIdFor(this.id(name)),
      member: { id: member, claimed_user_id: this.id(name), claimed_device_id: device },
      ...more,
    });
  }

  // The routes that the homeserver forwards, having said who asks: a user of its own, or the server of another.
  askProxied(user, { room = this.room, member = 'member' } = {}) {
    const server = user.slice(user.indexOf(':') + 1);
    const [side, asker, more] = server === this.hs.name
      ? ['client', { 'x-matrix-user-identifier': user }, {}]
      : ['federation', { 'x-matrix-origin': server }, { user_id: user }];
    return this.ask(`/_matrix/${side}/unstable/io.element.msc4195/rtc/livekit/get_token`, {
      room_id: room.id, slot_id: 'm.call#ROOM', member_id: member, ...more,
    }, { headers: { authorization: `Bearer ${this.hs.appservice.hs_token}`, ...asker } });
  }

  // The lookups of OpenID tokens that the homeserver has seen.
  lookups() { return this.hs.requests.filter((r) => r.path.endsWith('/openid/userinfo')); }

  async mint(name, options) {
    const answer = await this.askToken(name, options);
    equal(answer.status, 200, `a token for ${name} (${answer.errcode ?? ''} ${answer.error ?? ''})`);
    return answer;
  }

  // A member of the call: token, membership event, media. Its frames are listed by identity.
  async enterCall(name, { device = 'DEVICE', room = this.room, membership = true, media = true } = {}) {
    const { url, jwt } = await this.mint(name, { device, room: room.id });
    const peer = await NativePeer.join(this.focus, `${name} ${device}`, { url, token: jwt });
    Object.assign(peer, { identity: this.identity(name, device), jwt });
    if (membership) this.announce(name, { device, room });
    if (media) await peer.publishVideo({ width: 160, height: 90, fps: 15 });
    return peer;
  }

  // By a token of the proxied routes, without media. `user` may live elsewhere.
  async enterProxied(user, options) {
    const { status, jwt, text } = await this.askProxied(user, options);
    equal(status, 200, `a proxied token for ${user} (${text})`);
    const peer = await NativePeer.join(this.focus, user, { token: jwt });
    return Object.assign(peer, { identity: peer.room.localParticipant.identity, jwt });
  }

  announce(name, { device = 'DEVICE', room = this.room } = {}) {
    const key = memberKey(this.id(name), device);
    const content = membership({ device, roomId: room.id, serviceUrl: this.serviceUrl });
    return room.setState(this.id(name), MEMBER, key, content);
  }

  withdraw(name, { device = 'DEVICE', room = this.room } = {}) {
    return room.setState(this.id(name), MEMBER, memberKey(this.id(name), device), {});
  }

  async everyoneSeesEveryone(peers) {
    for (const viewer of peers) {
      for (const other of peers) if (other !== viewer) await viewer.seesMedia(other.identity, 'camera');
    }
  }

  // `act` is what should put `peers` out. Returns the milliseconds until the last of them knew.
  async evicts(peers, act, { withinMs = 2000 } = {}) {
    if (!this.plan.evicts) throw new Skip('this focus puts nobody out');
    const started = performance.now();
    await act();
    let last = started;
    for (const peer of peers) {
      const event = await peer.event('disconnected', () => true, { timeoutMs: withinMs });
      last = Math.max(last, event.at);
      equal(DisconnectReason[event.args[0]], 'PARTICIPANT_REMOVED', `why ${peer.name} was put out`);
    }
    return Math.round(last - started);
  }

  // What a person put out may still try with what they have.
  async refusesOldToken(peer, name) {
    const refused = await NativePeer.join(this.focus, `${peer.name} again`, {
      url: this.focus.wsUrl, token: peer.jwt,
    }).then(() => null, (error) => error);
    check(refused, `${name}'s old token still opens the room`);
  }

  // For `ms`, nobody of `peers` is disconnected and everyone's pictures keep coming.
  async staysUp(peers, ms = 1500) {
    await sleep(ms);
    for (const peer of peers) {
      const gone = peer.events.filter((event) => event.name === 'disconnected');
      check(gone.length === 0, `${peer.name} was put out`, gone);
    }
    await this.everyoneSeesEveryone(peers);
  }

  // The focus has answered every transaction so far with 200.
  async delivered() {
    await this.hs.pusher.idle();
    await until('the last transaction was taken', () => this.hs.pusher.sent.at(-1)?.status === 200);
  }
}
