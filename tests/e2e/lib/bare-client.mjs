// A WebSocket client without an SDK: what it sends is up to the case, and every frame that comes is decoded
// with LiveKit's own schema, which throws at what it does not know.
import { SignalResponse } from '@livekit/protocol';
import { WebSocket } from 'ws';
import { onCleanup } from './cleanup.mjs';
import { Failure, until } from './expect.mjs';

export function bareSocket(focus, identity, { room = 'room' } = {}) {
  const query = new URLSearchParams({
    access_token: focus.token(identity, room), protocol: '17', sdk: 'js', version: '2.23.0',
    auto_subscribe: '1',
  });
  const socket = new WebSocket(`${focus.wsUrl}/rtc?${query}`);
  onCleanup('bare client', () => socket.terminate());
  const frames = [];
  socket.on('message', (data, binary) => {
    const message = binary ? SignalResponse.fromBinary(data) : SignalResponse.fromJsonString(data.toString());
    frames.push({ binary, kind: message.message.case, value: message.message.value });
  });
  const heard = (kind, binary) => until(`${binary ? 'binary' : 'text'} ${kind}`, () => (
    frames.find((f) => f.kind === kind && f.binary === binary)), { describe: () => frames.map((f) => f.kind) });
  const closed = new Promise((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return { socket, frames, heard, closed };
}

// The HTTP answer to a WebSocket upgrade that is refused, which no browser shows to a page.
export function refusedUpgrade(focus, path, { headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(focus.wsUrl + path, { headers });
    onCleanup('refused upgrade', () => socket.terminate());
    socket.on('open', () => reject(new Failure(`the upgrade of ${path.split('?')[0]} was accepted`)));
    socket.on('error', reject);
    socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }));
    });
  });
}
