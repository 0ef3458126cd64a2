// Reliable data to somebody who cannot take it at the moment: a newcomer whose channel is not open
// yet, and a receiver whose transport is gone while it resumes.
import { check, equal, sleep } from '../lib/expect.mjs';
import { namespaces, setLoss } from '../lib/netns.mjs';

export const about = 'Chromium: reliable data reaches newcomers and receivers that lost their transport, once';
export const timeoutSeconds = 120;
export const needsNamespaces = true;

const range = (n) => Array.from({ length: n }, (_, i) => i);

export async function run(t) {
  const here = namespaces();
  const focus = await t.focus({ address: here.serverIp, netns: here.server });
  const alice = await t.joined(focus, 'alice');
  await alice.call('greetNewcomers', { count: 20 });
  const bob = await t.joined(focus, 'bob');
  const carol = await t.joined(focus, 'carol', { roomOptions: { singlePeerConnection: false } });
  for (const peer of [bob, carol]) {
    await peer.received('the last greeting', (m) => m.topic === `for ${peer.name}` && m.text === '19');
    const got = (await peer.inbox()).filter((m) => m.topic === `for ${peer.name}`);
    equal(got.map((m) => Number(m.text)), range(20), `greetings ${peer.name} got`);
  }
  t.step('bob and carol got every packet sent since alice knew of them');

  for (const peer of [bob, carol]) await outage(t, here, alice, peer);
}

// Nothing passes for a second and a half, in which the receiver also loses its signalling.
async function outage(t, here, alice, peer) {
  const topic = `to ${peer.name} in the dark`;
  const { sid } = await peer.state();
  await peer.forgetEvents();
  const sending = (async () => {
    for (const i of range(40)) {
      await alice.call('send', { text: `${i}`, reliable: true, topic });
      await sleep(50);
    }
  })();
  await sleep(300);
  setLoss(here, 1000);
  await peer.call('simulate', { scenario: 'signal-reconnect' });
  await sleep(1500);
  setLoss(here, 0);
  await sending;
  await peer.event('reconnected', () => true, { timeoutMs: 20000 });
  await peer.received('the last packet', (m) => m.topic === topic && m.text === '39', { timeoutMs: 15000 });
  const got = (await peer.inbox()).filter((m) => m.topic === topic).map((m) => Number(m.text));
  equal(got, range(40), `packets ${peer.name} got`);
  check((await peer.state()).sid === sid, `${peer.name} resumed`);
  t.step(`${peer.name}: transport and signalling gone for 1.5 s, 40 packets in order, none twice`);
}
