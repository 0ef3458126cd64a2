// Delayed events (MSC4140) with real timers.
import crypto from 'node:crypto';

export class DelayedEvents {
  scheduled = new Map();
  history = [];  // {id, what: scheduled|restart|cancel|send|fired, known}

  schedule(user, delayMs, event, fire) {
    const entry = { id: `syd_${crypto.randomBytes(9).toString('base64url')}`, user, delayMs, event, fire };
    this.scheduled.set(entry.id, entry);
    this.#note(entry.id, 'scheduled');
    this.#arm(entry);
    return entry.id;
  }

  #note(id, what, known = true) { this.history.push({ id, what, known, at: Date.now() }); }

  #arm(entry) {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      this.scheduled.delete(entry.id);
      this.#note(entry.id, 'fired');
      entry.fire();
    }, entry.delayMs);
    entry.timer.unref();
  }

  // False for an id that is unknown, or somebody else's where `user` is given.
  act(id, action, user) {
    const entry = this.scheduled.get(id);
    const known = entry !== undefined && (!user || user === entry.user);
    this.#note(id, action, known);
    if (!known) return false;
    if (action === 'restart') {
      this.#arm(entry);
      return true;
    }
    clearTimeout(entry.timer);
    this.scheduled.delete(id);
    if (action === 'send') entry.fire();
    return true;
  }

  of(user) { return [...this.scheduled.values()].filter((entry) => entry.user === user); }

  acts(what) { return this.history.filter((entry) => entry.what === what); }

  stop() { for (const entry of this.scheduled.values()) clearTimeout(entry.timer); }
}
