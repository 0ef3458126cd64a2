// What Element Call asks of the client it is embedded in, answered by the homeserver.
import { Direction, MatrixError } from 'matrix-js-sdk';
import { OpenIDRequestState, WidgetDriver } from 'matrix-widget-api';

const effective = (event) => event.getEffectiveEvent();

export class RoomDriver extends WidgetDriver {
  constructor(client, roomId, note) {
    super();
    Object.assign(this, { client, roomId, note });
    this.stateSent = new Promise((resolve) => { this.noteStateSent = resolve; });
  }

  // Everything asked for: the widget is the very thing under test.
  async validateCapabilities(requested) {
    this.note('capabilities', [...requested].sort());
    return requested;
  }

  get room() { return this.client.getRoom(this.roomId); }

  async sendEvent(type, content, stateKey = null) {
    const { event_id: eventId } = stateKey === null
      ? await this.client.sendEvent(this.roomId, type, content)
      : await this.client.sendStateEvent(this.roomId, type, content, stateKey);
    return { roomId: this.roomId, eventId };
  }

  async sendStickyEvent(duration, type, content) {
    const { event_id: eventId } =
      await this.client._unstable_sendStickyEvent(this.roomId, duration, null, type, content);
    return { roomId: this.roomId, eventId };
  }

  async sendDelayedEvent(delay, type, content, stateKey = null) {
    const { delay_id: delayId } = stateKey === null
      ? await this.client._unstable_sendDelayedEvent(this.roomId, { delay }, null, type, content)
      : await this.client._unstable_sendDelayedStateEvent(this.roomId, { delay }, type, content, stateKey);
    return { roomId: this.roomId, delayId };
  }

  async sendDelayedStickyEvent(delay, duration, type, content) {
    const { delay_id: delayId } = await this.client._unstable_sendStickyDelayedEvent(
      this.roomId, duration, { delay }, null, type, content);
    return { roomId: this.roomId, delayId };
  }

  async cancelScheduledDelayedEvent(id) { await this.client._unstable_cancelScheduledDelayedEvent(id); }
  async restartScheduledDelayedEvent(id) { await this.client._unstable_restartScheduledDelayedEvent(id); }
  async sendScheduledDelayedEvent(id) { await this.client._unstable_sendScheduledDelayedEvent(id); }

  async sendToDevice(type, encrypted, contents) {
    const messages = Object.entries(contents).flatMap(([userId, devices]) => (
      Object.entries(devices).map(([deviceId, payload]) => ({ userId, deviceId, payload }))));
    if (!encrypted) {
      await this.client.queueToDevice({ eventType: type, batch: messages });
      return;
    }
    const crypto = this.client.getCrypto();
    await crypto.getUserDeviceInfo(messages.map((m) => m.userId), true);  // Also of who joined just now.
    for (const { userId, deviceId, payload } of messages) {
      const batch = await crypto.encryptToDeviceMessages(type, [{ userId, deviceId }], payload);
      if (!batch.batch.length) this.note('no key for a device', { userId, deviceId });
      await this.client.queueToDevice(batch);
    }
  }

  async readRoomState(roomId, type, stateKey) {
    const state = this.room.currentState;
    const found = stateKey === undefined ? state.getStateEvents(type) : [state.getStateEvents(type, stateKey)];
    return found.filter(Boolean).map(effective);
  }

  readStateEvents(type, stateKey) { return this.readRoomState(this.roomId, type, stateKey); }

  // Element Call says that its room is not found if an event that it can read comes before the room's state, which
  // leaves only when the widget has told its versions.
  async readStickyEvents() {
    await this.stateSent;
    return [...this.room._unstable_getStickyEvents()].map(effective);
  }

  async readRoomTimeline(roomId, type, msgtype, stateKey, limit) {
    const fits = (event) => event.getType() === type
      && (stateKey === undefined || event.getStateKey() === stateKey)
      && (!msgtype || event.getContent().msgtype === msgtype);
    const events = this.room.getLiveTimeline().getEvents().filter(fits).reverse();
    return events.slice(0, limit || undefined).map(effective);
  }

  readRoomEvents(type, msgtype, limit) {
    return this.readRoomTimeline(this.roomId, type, msgtype, undefined, limit);
  }

  async readRoomAccountData() { return []; }

  async readEventRelations(eventId, roomId, relation, type, from, to, limit, direction) {
    const dir = direction === 'f' ? Direction.Forward : Direction.Backward;
    const { events, nextBatch, prevBatch } = await this.client.relations(
      this.roomId, eventId, relation ?? null, type ?? null, { from, to, limit, dir });
    return { chunk: events.map(effective), nextBatch, prevBatch };
  }

  askOpenID(observer) {
    this.client.getOpenIdToken().then(
      (token) => observer.update({ state: OpenIDRequestState.Allowed, token }),
      (error) => {
        this.note('no OpenID token', String(error));
        observer.update({ state: OpenIDRequestState.Blocked });
      },
    );
  }

  async getRtcTransports() {
    const transports = await this.client._unstable_getRTCTransports();
    this.note('transports', transports);
    return { rtc_transports: transports };
  }

  async getMediaConfig() { return {}; }
  async searchUserDirectory() { return { limited: false, results: [] }; }
  async navigate() {}
  getKnownRooms() { return [this.roomId]; }
  async* getTurnServers() {}

  processError(error) {
    this.note('homeserver error', String(error));
    return error instanceof MatrixError ? { matrix_api_error: error.asWidgetApiErrorData() } : undefined;
  }
}
