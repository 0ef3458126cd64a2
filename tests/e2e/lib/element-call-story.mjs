// The story of a Matrix call, shared by the cases that differ in mode and version of Element Call.
import { atMost, equal, until } from './expect.mjs';
import { ElementCall } from './element-call.mjs';
import { MatrixWorld } from './matrix-world.mjs';
import { Metrics } from './metrics.mjs';
import { freePorts } from './service.mjs';

export async function elementCallStory(t, options) {
  const world = await MatrixWorld.start(t, { people: ['alice', 'bob', 'carol'] });
  const call = await ElementCall.start(t, world, options);
  const alice = await call.enter('alice');
  const bob = await call.enter('bob');
  await call.everyoneSeesEveryone();
  const carol = await call.enter('carol');
  await call.everyoneSeesEveryone();
  // In the other mode the room's encryption covers the memberships: the focus cannot read them.
  if (options.mode === 'compatibility') await membersAreOfRecord(t, world, ['alice', 'bob', 'carol']);
  await kickCarol(t, world, carol, [alice, bob]);
}

// The focus has read what Element Call wrote: one membership each, of the very connection that has the media.
export async function membersAreOfRecord(t, world, names) {
  if (!world.evicts) return;
  const expected = names.map((name) => `${world.users[name].id} ${world.users[name].device} true 1 1`).sort();
  const describe = async () => ({ expected, facts: await world.callFacts() });
  const facts = await until(`the focus has read the memberships of ${names.join(', ')} alone`, async () => {
    const call = await world.callFacts();
    const lines = call.members.map((m) => (
      `${m.user_id} ${m.device_id} ${m.of_record} ${m.audio_tracks} ${m.video_tracks}`));
    return lines.sort().join() === expected.join() && call;
  }, { describe });
  equal([facts.connected, facts.media_without_member, facts.members_without_media], [names.length, 0, 0],
    'connected, media without member, members without media');
  t.step(`the focus has read the memberships of ${names.join(', ')}`);
}

// Whose focus takes leaves over, and has seen that Synapse lets it. `count` reads one metric of it.
export async function delegatingWorld(t, options) {
  const [port] = await freePorts(1);
  const focusConfig = { access: { delegation: 'on' }, prometheus: { port } };
  const world = await MatrixWorld.start(t, { ...options, focusConfig });
  const count = async (name) => (await Metrics.scrape(`http://127.0.0.1:${port}/metrics`)).value(name);
  await until('delegation is offered', async () => (await count('fovea_delayed_leave_offered')) === 1, {
    timeoutMs: 40000, everyMs: 500,
  });
  return { world, count };
}

// Versions before 0.24 find the focus in .well-known/matrix/client, and those before 0.17 know nothing
// else. Three people in a call; one is kicked, and one leaves by the red button.
export async function olderElementCallStory(t, version) {
  const world = await MatrixWorld.start(t, { people: ['alice', 'bob', 'carol'], wellKnown: true });
  const call = await ElementCall.start(t, world, { version, wellKnown: world.wellKnown });
  const alice = await call.enter('alice');
  const bob = await call.enter('bob');
  const carol = await call.enter('carol');
  await call.everyoneSeesEveryone();
  t.step(`WebSocket paths: ${[...new Set([...alice.sockets, ...bob.sockets])].join(' ')}`);
  await kickCarol(t, world, carol, [alice, bob]);
  await bob.hangUp();
  await alice.seesOthers(0);
  t.step('bob hung up, alice is alone');
}

// Carol's media ends because the focus was told by Synapse; Element Call itself notices seconds later.
async function kickCarol(t, world, carol, others) {
  const kicked = Date.now();
  await world.users.alice.kick(world.room, world.users.carol);
  if (world.evicts) {
    await until('no media to or from carol', async () => (await carol.packetsDuring(400)) === 0, {
      timeoutMs: 10000, everyMs: 10, describe: () => carol.media(),
    });
    const afterMs = Date.now() - kicked - 400;
    t.figure('carol quiet after the kick, ms', afterMs);
    atMost(afterMs, 3000, 'ms until carol was quiet');
    equal((await world.callFacts()).last_left, 'evicted', 'why carol left, as the focus knows it');
  }
  for (const page of others) await page.seesOthers(1);
  t.step(`carol was kicked after ${Date.now() - kicked} ms; the others go on`);
}
