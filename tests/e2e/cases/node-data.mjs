// Data between the native client (two peer connections) and a browser page (one).
import { check, equal } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = '@livekit/rtc-node and Chromium: data, text streams and RPC in both directions';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const native = await NativePeer.join(focus, 'native');
  const other = await NativePeer.join(focus, 'other');
  const page = await t.joined(focus, 'page');
  await native.event('participantConnected', (e) => e.args[0] === 'page');

  for (const reliable of [true, false]) {
    const topic = reliable ? 'reliable' : 'lossy';
    await native.send(`native ${topic}`, { reliable, topic });
    await page.received(`${topic} data`, (m) => m.text === `native ${topic}` && m.from === 'native');
    await other.received(`${topic} data`, (m) => m.text === `native ${topic}` && m.from === 'native');
    await page.call('send', { text: `page ${topic}`, reliable, topic });
    await native.received(`${topic} data`, (m) => m.text === `page ${topic}` && m.from === 'page');
  }
  await native.send('for the page', { reliable: true, destination_identities: ['page'] });
  await native.send('for all', { reliable: true });
  await other.received('the open packet', (m) => m.text === 'for all');
  await page.received('its own packet', (m) => m.text === 'for the page');
  check(!other.inbox.some((m) => m.text === 'for the page'), 'a packet for the page reached another');
  t.step('packets cross between the two kinds of client');

  await page.call('listenForText', { topic: 'chat' });
  await native.room.localParticipant.sendText('a longer text', { topic: 'chat' });
  await page.received('a text stream', (m) => m.stream === 'a longer text');
  t.step('text stream received');

  await page.call('serveRpc', { method: 'greet' });
  const reply = await native.room.localParticipant.performRpc({
    destinationIdentity: 'page', method: 'greet', payload: 'hi',
  });
  equal(reply, 'greet of native: hi', 'reply of the page');
  native.room.localParticipant.registerRpcMethod('double', async (call) => call.payload.repeat(2));
  const request = { destinationIdentity: 'native', method: 'double', payload: 'ab' };
  equal(await page.call('rpc', request), 'abab', 'reply of the native client');
  t.step('RPC works both ways');
}
