// Data packets, text streams and calls between pages, with destination lists. Bob has the older livekit-client.
import { atLeast, check, equal, rejects } from '../lib/expect.mjs';

export const about = 'Chromium: reliable and lossy data, text streams, RPC, destination lists';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice');
  const bob = await t.joined(focus, 'bob', { page: { client: '221' } });
  const carol = await t.joined(focus, 'carol');
  for (const peer of [alice, bob, carol]) await peer.call('listenForText', { topic: 'chat' });
  await alice.event('participantActive', (e) => e.args[0].identity === 'carol');

  await packets(t, alice, bob, carol);
  await destinations(t, alice, bob, carol);
  await textStreams(t, alice, bob, carol);
  await calls(t, alice, bob);
}

async function packets(t, alice, bob, carol) {
  for (const reliable of [true, false]) {
    const topic = reliable ? 'reliable' : 'lossy';
    for (let i = 0; i < 20; i += 1) await alice.call('send', { text: `${topic} ${i}`, reliable, topic });
    for (const peer of [bob, carol]) {
      await peer.received(`the last ${topic} packet`, (m) => m.text === `${topic} 19`);
      const got = (await peer.inbox()).filter((m) => m.topic === topic);
      const order = got.map((m) => Number(m.text.split(' ')[1]));
      const expected = Array.from({ length: 20 }, (_, i) => i);
      if (reliable) equal(order, expected, `${peer.name}'s reliable packets`);
      atLeast(got.length, 15, `${peer.name}'s ${topic} packets`);
      check(got.every((m) => m.from === 'alice'), `${peer.name} knows the sender`, got[0]);
      check(got.every((m) => m.kind === (reliable ? 0 : 1)), `${topic} packets keep their kind`, got[0]);
    }
  }
  equal((await alice.inbox()).length, 0, 'packets that came back to their sender');
  t.step('reliable and lossy packets arrive');
}

async function destinations(t, alice, bob, carol) {
  await alice.call('send', { text: 'for bob', reliable: true, destinationIdentities: ['bob'] });
  await alice.call('send', { text: 'for all', reliable: true });
  for (const peer of [bob, carol]) await peer.received('the open packet', (m) => m.text === 'for all');
  await bob.received('his own packet', (m) => m.text === 'for bob');
  check(!(await carol.inbox()).some((m) => m.text === 'for bob'), 'carol got a packet meant for bob');
  t.step('destination lists are respected');
}

async function textStreams(t, alice, bob, carol) {
  // Longer than one 15 kB chunk, and hard to compress away.
  const text = Array.from({ length: 12000 }, (_, i) => (i * 7919) % 9973).join(' ');
  for (const [sender, ...receivers] of [[alice, bob, carol], [bob, alice, carol]]) {
    await sender.call('sendText', { text, topic: 'chat' });
    for (const peer of receivers) {
      const { stream } = await peer.received(`the long text of ${sender.name}`, (m) => (
        m.stream !== undefined && m.from === sender.name));
      check(stream === text, `${peer.name}'s text differs (${stream.length} of ${text.length} chars)`);
    }
  }
  t.step(`a text of ${text.length} characters arrives whole, of either version`);
}

async function calls(t, alice, bob) {
  for (const [caller, callee] of [[alice, bob], [bob, alice]]) {
    await callee.call('serveRpc', { method: 'greet' });
    const request = { destinationIdentity: callee.name, method: 'greet', payload: 'hello' };
    equal(await caller.call('rpc', request), `greet of ${caller.name}: hello`, 'RPC reply');
    await rejects(caller.call('rpc', { ...request, method: 'unknown' }), 'RPC to an unknown method');
  }
  t.step('RPC works both ways');
}
