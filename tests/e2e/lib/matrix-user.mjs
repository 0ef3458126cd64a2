// A Matrix account through the client-server API: what a person does in a client besides calling.
import { keepSecret } from './canary.mjs';
import { Failure, show } from './expect.mjs';

export class MatrixError extends Failure {
  constructor(what, status, body) {
    super(`${what}: ${status} ${show(body)}`);
    Object.assign(this, { status, errcode: body?.errcode });
  }
}

let transactions = 0;

export class MatrixUser {
  constructor(url, id, password) {
    Object.assign(this, { url, id, password });
    this.localpart = id.slice(1, id.indexOf(':'));
  }

  // Each login is a device of its own.
  async login(device) {
    const session = await this.call('POST', '/_matrix/client/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: this.id },
      password: this.password,
      ...(device && { device_id: device }),
      initial_device_display_name: device ?? 'a case',
    });
    this.token = keepSecret(session.access_token);
    this.device = session.device_id;
    return { userId: this.id, deviceId: session.device_id, accessToken: session.access_token };
  }

  async call(method, path, body) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: this.token ? { authorization: `Bearer ${this.token}` } : {},
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = await response.json().catch(() => null);
    if (response.status !== 200) throw new MatrixError(`${method} ${path}`, response.status, answer);
    return answer;
  }

  async createRoom({ encrypted = true, everyoneMayCall = true, ...more } = {}) {
    const { room_id: id } = await this.call('POST', '/_matrix/client/v3/createRoom', {
      preset: 'private_chat',
      initial_state: encrypted
        ? [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }]
        : [],
      // Members write their own call membership; Element sets this when a room is made.
      ...(everyoneMayCall && {
        power_level_content_override: { events: { 'org.matrix.msc3401.call.member': 0 } },
      }),
      ...more,
    });
    return id;
  }

  #about(room, action, body) {
    return this.call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${action}`, body);
  }

  invite(room, user) { return this.#about(room, 'invite', { user_id: user.id }); }
  kick(room, user, reason) { return this.#about(room, 'kick', { user_id: user.id, reason }); }
  ban(room, user, reason) { return this.#about(room, 'ban', { user_id: user.id, reason }); }
  unban(room, user) { return this.#about(room, 'unban', { user_id: user.id }); }
  join(room) { return this.#about(room, 'join', {}); }
  leave(room) { return this.#about(room, 'leave', {}); }

  setState(room, type, key, content) {
    const path = `${encodeURIComponent(room)}/state/${type}/${encodeURIComponent(key)}`;
    return this.call('PUT', `/_matrix/client/v3/rooms/${path}`, content);
  }

  send(room, type, content) {
    transactions += 1;
    const path = `${encodeURIComponent(room)}/send/${type}/case${process.pid}.${transactions}`;
    return this.call('PUT', `/_matrix/client/v3/rooms/${path}`, content);
  }

  state(room) { return this.call('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/state`); }

  async openId() {
    const path = `/_matrix/client/v3/user/${encodeURIComponent(this.id)}/openid/request_token`;
    const openId = await this.call('POST', path, {});
    keepSecret(openId.access_token);
    return openId;
  }
}
