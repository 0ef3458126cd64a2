// A room of the fake homeserver: current state, timeline, sticky events. There are no power levels and
// no federation; whoever scripts the case is trusted.
import crypto from 'node:crypto';

export const STICKY_LIMIT_MS = 3600000;

export class FakeRoom {
  state = new Map();
  timeline = [];
  departures = new Map();  // user: the state when they left

  // `onEvent(event, members)` hears of every event as it happens, with the users joined before or after.
  constructor(id, onEvent) {
    Object.assign(this, { id, onEvent });
  }

  #key(type, stateKey) { return `${type}\0${stateKey}`; }

  #append(event) {
    const before = this.joined();
    if (event.state_key !== undefined) this.state.set(this.#key(event.type, event.state_key), event);
    this.timeline.push(event);
    this.#noteDeparture(event, before);
    this.onEvent(event, new Set([...before, ...this.joined()]));
    return event;
  }

  #noteDeparture({ type, state_key: user, content }, before) {
    if (type !== 'm.room.member') return;
    if (content.membership === 'join') this.departures.delete(user);
    else if (before.includes(user)) this.departures.set(user, [...this.state.values()]);
  }

  #event(sender, type, content, more) {
    return {
      type, sender, content, room_id: this.id, event_id: `$${crypto.randomBytes(12).toString('base64url')}`,
      origin_server_ts: Date.now(), unsigned: {}, ...more,
    };
  }

  // As Synapse, tells which event this one takes the place of.
  setState(sender, type, stateKey, content, more = {}) {
    const before = this.get(type, stateKey);
    const unsigned = before ? { replaces_state: before.event_id, prev_content: before.content } : {};
    return this.#append(this.#event(sender, type, content, { state_key: stateKey, unsigned, ...more }));
  }

  send(sender, type, content, { stickyMs, ...more } = {}) {
    const sticky = stickyMs === undefined
      ? {} : { msc4354_sticky: { duration_ms: Math.min(stickyMs, STICKY_LIMIT_MS) } };
    return this.#append(this.#event(sender, type, content, { ...sticky, ...more }));
  }

  redact(sender, target) {
    target.content = {};
    delete target.msc4354_sticky;
    return this.send(sender, 'm.room.redaction', { redacts: target.event_id }, { redacts: target.event_id });
  }

  member(sender, user, membership, content = {}) {
    return this.setState(sender, 'm.room.member', user, { membership, ...content });
  }

  join(user) { return this.member(user, user, 'join'); }
  leave(user) { return this.member(user, user, 'leave'); }
  invite(by, user) { return this.member(by, user, 'invite'); }
  kick(by, user) { return this.member(by, user, 'leave'); }
  ban(by, user) { return this.member(by, user, 'ban'); }
  unban(by, user) { return this.member(by, user, 'leave'); }

  // State resolution changed its mind: the state is another, and nobody is told by an event.
  resetState(sender, type, stateKey, content) {
    const event = this.#event(sender, type, content, { state_key: stateKey });
    if (content === undefined) this.state.delete(this.#key(type, stateKey));
    else this.state.set(this.#key(type, stateKey), event);
  }

  // And changed it back again.
  restoreState(event) { this.state.set(this.#key(event.type, event.state_key), event); }

  get(type, stateKey = '') { return this.state.get(this.#key(type, stateKey)); }

  membership(user) { return this.get('m.room.member', user)?.content.membership; }

  joined() {
    return [...this.state.values()]
      .filter((event) => event.type === 'm.room.member' && event.content.membership === 'join')
      .map((event) => event.state_key);
  }

  stickyEvents(now = Date.now()) {
    return this.timeline.filter((event) => (
      event.msc4354_sticky && event.origin_server_ts + event.msc4354_sticky.duration_ms > now));
  }
}
