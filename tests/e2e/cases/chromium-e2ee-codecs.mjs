// End-to-end encryption with other codecs, whose key frames the focus must know though it cannot read them, and over
// two peer connections. No AV1: livekit-client itself refuses to encrypt it.
import { codecCall } from '../lib/codec-call.mjs';
import { allIsEncrypted, e2eeKey, nobodySawAnEncryptionError } from '../lib/encrypted-call.mjs';
import { equal } from '../lib/expect.mjs';

export const about = 'Chromium with end-to-end encryption in VP9 and H264, and over two peer connections';
export const timeoutSeconds = 120;

const calls = [
  { room: 'in VP9', codec: 'vp9', path: '/rtc/v1' },
  { room: 'in H264', codec: 'h264', path: '/rtc/v1' },
  { room: 'over two connections', codec: 'vp8', path: '/rtc', roomOptions: { singlePeerConnection: false } },
];

export async function run(t) {
  const focus = await t.focus();
  for (const { codec, path, ...join } of calls) {
    const everyone = await codecCall(t, codec, { focus, e2eeKey, ...join });
    await allIsEncrypted(everyone);
    await nobodySawAnEncryptionError(everyone);
    for (const peer of everyone) {
      equal(peer.sockets, [path], `the WebSocket paths ${peer.name} used`);
      await peer.call('leave');
    }
    t.step(`${join.room}: encrypted, and nobody saw an error`);
  }
}
