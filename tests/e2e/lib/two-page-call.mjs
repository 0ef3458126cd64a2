// The story of a whole call, shared by the cases that differ in client version and transport.
import { atMost, check, equal, until } from './expect.mjs';
import { everyoneSeesEveryone } from './peer.mjs';

// `client` is the version of alice and carol, `bobs` that of bob where it differs.
export async function twoPageCall(t, { client, bobs = client, roomOptions = {}, path = '/rtc/v1' }) {
  const focus = await t.focus();
  const page = { client };
  const alice = await t.joined(focus, 'alice', { page, roomOptions, publish: true });
  const bob = await t.joined(focus, 'bob', { page: { client: bobs }, roomOptions, publish: true });
  for (const peer of [alice, bob]) equal(peer.sockets, [path], `the WebSocket paths ${peer.name} used`);
  await everyoneSeesEveryone([alice, bob]);
  t.step('both see and hear each other');
  for (const row of await bob.inbound()) equal(row.lost, 0, `packets of ${row.source} bob lost`);

  await muteAndUnmute(t, alice, bob);
  await republish(t, alice, bob);
  await shareScreen(t, alice, bob);

  const carol = await t.joined(focus, 'carol', { page, roomOptions, publish: true });
  await everyoneSeesEveryone([alice, bob, carol]);
  t.step('carol came late and all three see and hear each other');

  await bob.call('leave');
  for (const other of [alice, carol]) {
    await other.event('participantDisconnected', (e) => e.args[0].identity === 'bob');
    const { others } = await other.state();
    check(!others.some((p) => p.identity === 'bob'), `${other.name} still lists bob`, others);
  }
  await alice.seesMedia('carol', 'camera');
  t.step('bob left, the others go on');
}

export async function muteAndUnmute(t, speaker, listener) {
  for (const [source, method] of [['microphone', 'microphone'], ['camera', 'camera']]) {
    await listener.forgetEvents();
    await speaker.call(method, { on: false });
    const aboutIt = (e) => e.args[0].source === source && e.args[1].identity === speaker.name;
    await listener.event('trackMuted', aboutIt);
    await until(`packets of the muted ${source} stop`, async () => (
      (await listener.packetsDuring(speaker.name, source, 1000)) === 0), { timeoutMs: 5000 });
    await speaker.call(method, { on: true });
    await listener.event('trackUnmuted', aboutIt);
    await listener.seesMedia(speaker.name, source);
    const tracks = (await listener.state()).others.find((p) => p.identity === speaker.name).tracks;
    atMost(tracks.filter((x) => x.source === source).length, 1, `${source} tracks after unmuting`);
    t.step(`${source} muted and unmuted`);
  }
}

async function republish(t, speaker, listener) {
  for (const source of ['microphone', 'camera']) {
    const sid = await speaker.call('republish', { source });
    const known = async () => (await listener.state()).others
      .find((p) => p.identity === speaker.name).tracks.filter((x) => x.source === source).map((x) => x.sid);
    await until(`${listener.name} knows the new ${source}, and no other`, async () => (
      String(await known()) === sid), { describe: known });
    await listener.seesMedia(speaker.name, source);
  }
  t.step('tracks unpublished and published again at once');
}

export async function shareScreen(t, presenter, viewer) {
  await presenter.call('screen', { on: true });
  await viewer.seesMedia(presenter.name, 'screen_share');
  await viewer.seesMedia(presenter.name, 'camera');
  await presenter.call('screen', { on: false });
  await viewer.event('trackUnpublished', (e) => e.args[0].source === 'screen_share');
  t.step('screen shared next to the camera, and taken back');
}
