// RoomService.PerformRpc: the server SDK calls a method that a participant has registered, over HTTP.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, equal } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';
import { API_KEY, API_SECRET, token } from '../lib/tokens.mjs';

export const about = 'RoomService PerformRpc: answers and errors of a page and of the native client';
export const timeoutSeconds = 60;

const ROOM = 'room';

export async function run(t) {
  const focus = await t.focus();
  const api = new RoomServiceClient(focus.httpUrl, API_KEY, API_SECRET);
  const page = await t.joined(focus, 'page');
  const native = await NativePeer.join(focus, 'native');
  await page.call('serveRpc', { method: 'greet' });
  const methods = { greet: async (call) => `native: ${call.payload}` };
  for (const [name, method] of Object.entries(methods)) {
    native.room.localParticipant.registerRpcMethod(name, method);
  }
  native.room.localParticipant.registerRpcMethod('fail', async () => { throw new Error('on purpose'); });
  native.room.localParticipant.registerRpcMethod('sleep', () => new Promise(() => {}));

  const call = (destination, method, payload = '', timeout = 0) => post(focus, {
    room: ROOM, destination_identity: destination, method, payload, response_timeout_ms: timeout,
  });
  const answer = await call('page', 'greet', 'hello');
  equal(answer.status, 200, `status (${JSON.stringify(answer.body)})`);
  check(/^greet of .*: hello$/.test(answer.body.payload), 'answer of the page', answer.body);
  equal((await call('native', 'greet', 'hi')).body, { payload: 'native: hi' }, 'answer of the native client');
  if (api.performRpc) {
    const result = await api.performRpc(ROOM, 'native', 'greet', 'sdk').catch((error) => error.message);
    t.step(`livekit-server-sdk: ${JSON.stringify(result)}`);
  }
  t.step('a page and the native client answer');

  const failing = async (what, request, status, code, message) => {
    const { status: seen, body } = await request;
    equal([seen, body.code], [status, code], what);
    check(body.msg.includes(message), `${what}: message`, body.msg);
  };
  await failing('a method nobody registered', call('native', 'unknown'), 400, 'invalid_argument', 'RpcError 1400');
  await failing('a handler that throws', call('native', 'fail'), 500, 'internal', 'RpcError 1500');
  const large = 'x'.repeat(16_000);
  await failing('a payload beyond 15 KiB', call('page', 'greet', large), 400, 'invalid_argument', 'RpcError 1402');
  await failing('no destination', call('', 'greet'), 400, 'invalid_argument', 'destination identity');
  await failing('a handler that never answers', call('native', 'sleep', '', 500), 408, 'canceled', 'RpcError 1502');
  const nobody = await call('nobody', 'greet');
  equal([nobody.status, nobody.body.code], [503, 'unavailable'], 'somebody who is not there');
  t.step(`somebody who is not there: ${nobody.status} ${nobody.body.code}: ${nobody.body.msg}`);
  const user = await post(focus, { room: ROOM, destination_identity: 'page', method: 'greet' }, {});
  equal(user.status, 401, 'status with a participant\'s token');
  t.step('errors carry LiveKit\'s codes');

  const leaving = call('native', 'sleep');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await native.leave();
  await failing('a participant who leaves meanwhile', leaving, 503, 'unavailable', '');
  t.step('a participant who leaves ends the call');
}

async function post(focus, body, video = { roomAdmin: true }) {
  const authorization = `Bearer ${token({ identity: 'server', room: ROOM, video })}`;
  const response = await fetch(`${focus.httpUrl}/twirp/livekit.RoomService/PerformRpc`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization }, body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
