// Strangers throw garbage at every port during a call: by UDP nobody answers them, by TCP they are told
// what was wrong, every datagram is counted, and the two in the call notice nothing.
import dgram from 'node:dgram';
import net from 'node:net';
import { bareSocket } from '../lib/bare-client.mjs';
import { onCleanup } from '../lib/cleanup.mjs';
import { Failure, atLeast, atMost, check, equal, sleep, until } from '../lib/expect.mjs';
import { anywhere, inTheNameOf } from '../lib/garbage.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';
import { freePorts } from '../lib/service.mjs';

export const about = 'garbage by UDP, WebSocket and HTTP during a call: unanswered or told why, counted, unnoticed';
export const timeoutSeconds = 90;

const ROUNDS = 180;
const SIGNAL_MESSAGE_BYTES_MAX = 2 * 1024 * 1024;
const INTERRUPTIONS = ['signalReconnecting', 'reconnecting', 'signalReconnected', 'reconnected', 'disconnected'];

export async function run(t) {
  const [port] = await freePorts(1);
  const focus = await t.focus({ config: { prometheus: { port } } });
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await everyoneSeesEveryone([alice, bob]);
  const scrape = () => Metrics.scrape(`http://${focus.ready.metrics}/metrics`);

  const watched = [await watch(alice, bob), await watch(bob, alice)];
  await byUdp(t, focus, alice, scrape);
  await byWebSocket(t, focus);
  await byHttp(t, focus);
  for (const ends of watched) await ends(t);
  await everyoneSeesEveryone([alice, bob]);
  const { others } = await alice.state();
  check(others.some((p) => p.identity === 'bob'), 'alice lost bob', others);
  t.step('alice and bob are in the call as before');
}

// Returns what ends the watch and asserts that `viewer` has seen nothing of it.
async function watch(viewer, other) {
  const { sid } = await viewer.state();
  await viewer.forgetEvents();
  await viewer.call('watchFrames', { identity: other.name, source: 'camera' });
  const started = Date.now();
  return async (t) => {
    const { longestGapMs, frames } = await viewer.call('stopWatching');
    const seconds = (Date.now() - started) / 1000;
    t.figure(`${viewer.name}: frames, s, longest gap in ms`, `${frames}, ${seconds}, ${longestGapMs}`);
    atMost(longestGapMs, 1000, `ms ${viewer.name} went without a frame`);
    atLeast(frames, 5 * seconds, `frames ${viewer.name} saw in ${seconds} s`);
    const interrupted = (await viewer.events()).filter((e) => INTERRUPTIONS.includes(e.name));
    equal(interrupted, [], `interruptions of ${viewer.name}`);
    equal((await viewer.state()).sid, sid, `${viewer.name}'s sid`);
    equal(viewer.sockets.length, 1, `WebSockets of ${viewer.name}`);
  };
}

// ---- UDP

// What anybody on the way of a peer's checks can read; and the worker that has the peer.
async function iceOf(peer) {
  const sdp = await peer.page.evaluate(() => {
    const { publisher } = window.peer.room.engine.pcManager;
    return { local: publisher.getLocalDescription().sdp, remote: publisher.getRemoteDescription().sdp };
  });
  const ufrag = (text) => /^a=ice-ufrag:(\S+)/m.exec(text)[1];
  const [, address, port] = /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) /im.exec(sdp.remote);
  return { ours: ufrag(sdp.remote), theirs: ufrag(sdp.local), at: { address, port: Number(port) } };
}

async function stranger() {
  const socket = dgram.createSocket('udp4');
  const self = { heardBytes: 0, heard: 0 };
  socket.on('message', (datagram) => { self.heard += 1; self.heardBytes += datagram.length; });
  socket.on('error', (error) => { self.error = error; });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onCleanup('stranger', () => socket.close());
  self.send = (datagram, { address, port }) => new Promise((resolve, reject) => {
    socket.send(datagram, port, address, (error) => (error ? reject(error) : resolve()));
  });
  return self;
}

async function byUdp(t, focus, alice, scrape) {
  const ice = await iceOf(alice);
  const ports = focus.ready.udp.map((text) => new URL(`udp://${text}`))
    .map(({ hostname, port }) => ({ address: hostname, port: Number(port) }));
  check(ports.some((p) => p.port === ice.at.port), 'alice is at another port', { ports, ice });
  const strangers = await Promise.all([stranger(), stranger(), stranger()]);
  const letters = [
    ...ports.flatMap((to) => anywhere.map((kind) => ({ ...kind, to }))),
    ...inTheNameOf(ice).map((kind) => ({ ...kind, to: ice.at })),
  ];
  const before = await scrape();
  const sent = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = strangers[round % strangers.length];
    for (const { make, drop, to } of letters) {
      await from.send(make(), to);
      sent[drop] = (sent[drop] ?? 0) + 1;
    }
    await sleep(10);
  }
  const total = Object.values(sent).reduce((sum, n) => sum + n, 0);
  t.step(`${total} datagrams sent to ${ports.length} ports: ${JSON.stringify(sent)}`);

  const risen = (page, name, labels) => page.value(name, labels) - before.value(name, labels);
  const droppedSince = (page, reason) => risen(page, 'fovea_packets_dropped_total', { reason });
  // A kernel whose buffer is full drops too, and tells nobody.
  await until('the datagrams are counted', async () => {
    const page = await scrape();
    return Object.entries(sent).every(([reason, count]) => droppedSince(page, reason) >= 0.98 * count);
  }, { timeoutMs: 3000, describe: async () => {
    const page = await scrape();
    return Object.fromEntries(Object.keys(sent).map((reason) => [reason, droppedSince(page, reason)]));
  } });
  await sleep(500);
  const after = await scrape();
  for (const [reason, count] of Object.entries(sent)) {
    atMost(droppedSince(after, reason), count + 20, `datagrams dropped as ${reason}`);
  }
  atLeast(risen(after, 'fovea_worker_received_datagrams_total'), 0.98 * total, 'datagrams received');
  t.step('each of them is counted, by its reason');
  for (const { heard, heardBytes, error } of strangers) {
    equal([heard, heardBytes, error], [0, 0, undefined], 'datagrams and bytes that a stranger was sent');
  }
  t.step('no stranger was sent a byte');
}

// ---- WebSocket

// Codes as the focus's unit tests have them.
async function byWebSocket(t, focus) {
  const unreadable = { code: 1000, reason: 'the message could not be read' };
  const rows = [
    ['broken protobuf', Buffer.from([0x0a, 0x7f]), unreadable],
    ['random bytes', Buffer.from('ffffffff00c0ffee', 'hex'), unreadable],
    ['broken JSON', '{"addTrack": {"cid": ', unreadable],
    ['JSON that is too deep', `${'{"leave":'.repeat(100_000)}`, unreadable],
    ['no JSON', 'hello', unreadable],
    ['rubbish of the largest size', Buffer.alloc(SIGNAL_MESSAGE_BYTES_MAX), unreadable],
    ['a byte more than that', Buffer.alloc(SIGNAL_MESSAGE_BYTES_MAX + 1),
      { code: 1009, reason: 'the message is too large' }],
  ];
  for (const [what, message, expected] of rows) {
    const mallory = bareSocket(focus, 'mallory');
    mallory.socket.on('error', () => {});
    await mallory.heard('join', true);
    mallory.socket.send(message);
    equal(await Promise.race([mallory.closed, sleep(5000)]), expected, `the close after ${what}`);
  }
  t.step(`closed, and told why: ${rows.map(([what]) => what).join(', ')}`);
}

// ---- HTTP

// All that the focus says to raw bytes, up to its end of the connection.
function answerTo(focus, request) {
  const { hostname, port } = new URL(focus.httpUrl);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(request, 'latin1'));
    onCleanup('socket', () => socket.destroy());
    socket.setTimeout(5000, () => socket.destroy(new Failure('no answer, or no end of it, for 5 s')));
    let received = '';
    socket.on('data', (part) => { received += part.toString('latin1'); });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head, text] = received.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]), text });
    });
  });
}

async function byHttp(t, focus) {
  const malformed = 'malformed or oversized request';
  const tooLarge = 'the body of the request is too large';
  const upgrade = 'GET /rtc HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-';
  const rows = [
    ['no HTTP', 'hello\r\n\r\n', 400, malformed],
    ['binary', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, malformed],
    ['another version', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 505, malformed],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, malformed],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, malformed],
    ['a line without end', `GET /${'a'.repeat(64 * 1024)}`, 414, malformed],
    ['headers without end', `GET / HTTP/1.1\r\nHost: h\r\n${'X: y\r\n'.repeat(40_000)}`, 431, malformed],
    ['a body of a length that is none', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n', 400, malformed],
    ['a huge body', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n', 413, tooLarge],
    ['no key of a WebSocket', `${upgrade}Version: 13\r\n\r\n`, 400, 'bad Sec-WebSocket-Key'],
    ['an old WebSocket', `${upgrade}Version: 12\r\n\r\n`, 426, 'WebSocket version 13 is required'],
  ];
  for (const [what, request, status, text] of rows) {
    equal(await answerTo(focus, request), { status, text }, `the answer to ${what}`);
  }
  equal((await fetch(`${focus.httpUrl}/healthz`)).status, 200, 'GET /healthz');
  t.step(`refused, and told why: ${rows.map(([what]) => what).join(', ')}`);
}
