// Signalling in JSON text frames: a bare WebSocket client that decodes every frame with LiveKit's own
// schema, and livekit-client with its internal `useJSON` switch. No SDK sends JSON of its own accord.
import { SignalRequest } from '@livekit/protocol';
import { bareSocket } from '../lib/bare-client.mjs';
import { check, equal } from '../lib/expect.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';

export const about = 'JSON text frames: a bare WebSocket client, and livekit-client with its JSON switch';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  await bareClient(t, focus);

  const alice = await t.joined(focus, 'alice', { json: true, publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  const carol = await t.joined(focus, 'carol', {
    json: true, publish: true, roomOptions: { singlePeerConnection: false },
  });
  await everyoneSeesEveryone([alice, bob, carol]);
  t.step('pages that speak JSON and one that speaks protobuf see and hear each other');
  const frames = await alice.call('signalFrames');
  check(frames.sent.binary === 0 && frames.sent.text > 3, 'alice sends text only', frames);
  check(frames.received.text > 3, 'the focus answers alice with text', frames);
  const others = await bob.call('signalFrames');
  equal([others.sent.text, others.received.text], [0, 0], 'text frames of bob');
  t.step(`alice got ${frames.received.text} text and ${frames.received.binary} binary frames`);
  await alice.call('microphone', { on: false });
  await bob.event('trackMuted', (e) => e.args[0].source === 'microphone');
  t.step('muting in JSON');
}

async function bareClient(t, focus) {
  const { socket, frames, heard, closed } = bareSocket(focus, 'robot');
  const { value: join } = await heard('join', true);
  equal(frames[0].kind, 'join', 'first frame');
  equal(join.participant.identity, 'robot', 'who the join is for');

  socket.send(JSON.stringify({ pingReq: { timestamp: '1234567890123', rtt: '7' } }));
  equal((await heard('pongResp', false)).value.lastPingTimestamp, 1234567890123n, 'timestamp of the pong');
  // Both spellings of names, numbers as numbers or strings, enums by name or number.
  socket.send(JSON.stringify({ add_track: {
    cid: 'mic', name: 'mic', type: 'AUDIO', source: 2, disableDtx: true, something_newer: 1,
  } }));
  const { value: published } = await heard('trackPublished', false);
  equal([published.cid, published.track.source], ['mic', 2], 'the track published in JSON');
  t.step('a bare client is answered in JSON');

  socket.send(JSON.stringify({ ping: '5' }));
  await heard('pong', false);
  socket.send(new SignalRequest({ message: { case: 'ping', value: 6n } }).toBinary());
  await heard('pong', true);
  t.step('a binary frame switches back');
  socket.send(JSON.stringify({ leave: { reason: 'CLIENT_INITIATED' } }));
  await closed;

  const unreadable = { JSON: '{"addTrack": {"cid": ', protobuf: Buffer.from([0x0a, 0x7f]) };
  for (const [what, frame] of Object.entries(unreadable)) {
    const broken = bareSocket(focus, `broken ${what}`);
    await broken.heard('join', true);
    broken.socket.send(frame);
    const { code, reason } = await broken.closed;
    equal(code, 1000, 'close code, LiveKit\'s');
    t.step(`broken ${what}: closed with ${code} "${reason}"`);
  }
}
