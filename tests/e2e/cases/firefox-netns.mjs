// Firefox and Chromium in one call, both library versions, over one peer connection and over two, in
// a namespace of their own.
import { equal } from '../lib/expect.mjs';
import { Firefox } from '../lib/firefox.mjs';
import { namespaces } from '../lib/netns.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';

export const about = 'Firefox ESR with Chromium over a veth, one peer connection and two: audio, video, mute, leave';
export const timeoutSeconds = 150;
export const needsNamespaces = true;

export async function run(t) {
  const here = namespaces();
  const focus = await t.focus({ address: here.serverIp, netns: here.server });
  const firefox = await Firefox.launch();
  const fox = await firefox.page('fox');
  await fox.join(focus);
  await fox.publish();
  t.step('Firefox joined and published');
  const chrome = await t.joined(focus, 'chrome', { publish: true });
  await everyoneSeesEveryone([fox, chrome]);
  t.step('Firefox and Chromium see and hear each other');

  const late = await firefox.page('late', { client: '221' });
  await late.join(focus);
  await late.publish();
  await everyoneSeesEveryone([fox, chrome, late]);
  t.step('a second Firefox came late, with the older library');

  const dual = await firefox.page('dual');
  await dual.join(focus, { roomOptions: { singlePeerConnection: false } });
  await dual.publish();
  await everyoneSeesEveryone([fox, chrome, late, dual]);
  for (const [peer, path, connections] of [[fox, '/rtc/v1', 1], [dual, '/rtc', 2]]) {
    equal(await peer.call('socketPaths'), [path], `the WebSocket paths ${peer.name} used`);
    equal((await peer.call('transport')).length, connections, `peer connections of ${peer.name}`);
  }
  t.step('a third Firefox came with two peer connections');

  await fox.call('microphone', { on: false });
  await chrome.event('trackMuted', (e) => e.args[0].source === 'microphone');
  await fox.call('microphone', { on: true });
  await chrome.event('trackUnmuted', (e) => e.args[0].source === 'microphone');
  await chrome.seesMedia('fox', 'microphone');
  await late.call('leave');
  for (const other of [fox, chrome]) {
    await other.event('participantDisconnected', (e) => e.args[0].identity === 'late');
  }
  equal((await chrome.state()).others.map((p) => p.identity), ['fox', 'dual'], 'who is left for Chromium');
  t.step('mute and leave');
}
