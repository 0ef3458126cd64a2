// A picture that a viewer's bandwidth has no room for is paused where its client agreed to that, and the client says
// so to its application (stream_state_update). Who did not agree keeps the smallest layer.
import { check, equal, until } from '../lib/expect.mjs';

export const about = 'Chromium: trackStreamStateChanged, paused and active, over one and two peer connections';
export const timeoutSeconds = 90;

const who = { identity: 'alice', source: 'camera' };
const camera = { width: 640, height: 360, publish: { simulcast: true, videoCodec: 'vp8' } };

export async function run(t) {
  const focus = await t.focus();
  await t.joined(focus, 'alice', { publish: { camera } });
  for (const [path, singlePeerConnection] of [['/rtc', false], ['/rtc/v1', true]]) {
    const bob = await t.joined(focus, 'bob', {
      roomOptions: { singlePeerConnection }, connectOptions: { subscriberAllowPause: true },
    });
    equal(bob.sockets, [path], 'the WebSocket paths bob used');
    await pausesAndGoesOn(t, bob);
    await bob.call('leave');
  }
  const carol = await t.joined(focus, 'carol', { connectOptions: { subscriberAllowPause: false } });
  await keepsTheSmallestLayer(t, carol);
}

const limit = (viewer, bitsPerSecond) => viewer.call('simulate', {
  scenario: 'subscriber-bandwidth', argument: bitsPerSecond,
});

const stateOfTheCamera = (viewer, state) => viewer.event('trackStreamStateChanged', ({ args }) => (
  args[0].source === who.source && args[1] === state && args[2].identity === who.identity));

async function pausesAndGoesOn(t, viewer) {
  await viewer.seesMedia('alice', 'camera');
  await viewer.seesMedia('alice', 'microphone');
  equal(await viewer.events('trackStreamStateChanged'), [], 'changes before bandwidth is short');
  await limit(viewer, 1);
  await stateOfTheCamera(viewer, 'paused');
  await until('packets of the paused camera stop', async () => (
    (await viewer.packetsDuring('alice', 'camera', 1000)) === 0), { timeoutMs: 5000 });
  check((await viewer.packetsDuring('alice', 'microphone', 1000)) > 0, 'sound goes on meanwhile');
  await viewer.forgetEvents();
  await limit(viewer, 0);
  await stateOfTheCamera(viewer, 'active');
  await viewer.seesMedia('alice', 'camera');
  equal((await viewer.events('trackStreamStateChanged')).length, 1, 'changes since');
  t.step(`over ${viewer.sockets}: paused, and active again`);
}

async function keepsTheSmallestLayer(t, viewer) {
  const decodes = (height) => until(`${viewer.name} decodes ${height} lines`, async () => (
    (await viewer.inboundOf('alice', 'camera'))?.height === height), {
    timeoutMs: 20000, describe: () => viewer.inbound(),
  });
  await decodes(360);
  await limit(viewer, 1);
  await decodes(180);
  await viewer.seesMedia('alice', 'camera');
  equal(await viewer.events('trackStreamStateChanged'), [], 'changes told to who did not agree');
  t.step('who did not agree keeps the smallest layer, and hears of no pause');
}
