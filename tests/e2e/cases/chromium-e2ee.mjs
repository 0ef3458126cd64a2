// End-to-end encrypted frames pass untouched, between two versions of livekit-client; a wrong key shows as an
// error and harms nobody.
import { check, equal, sleep } from '../lib/expect.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';

export const about = 'Chromium with end-to-end encryption; a third page with the wrong key';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  const e2eeKey = 'the key of the room';
  const alice = await t.joined(focus, 'alice', { e2eeKey, publish: true });
  const bob = await t.joined(focus, 'bob', { page: { client: '221' }, e2eeKey, publish: true });
  await everyoneSeesEveryone([alice, bob]);
  for (const peer of [alice, bob]) {
    const [shown] = (await peer.state()).others;
    for (const track of shown.tracks) equal(track.encrypted, true, `${track.source} is marked encrypted`);
  }
  t.step('two with the key see and hear each other');

  const mallory = await t.joined(focus, 'mallory', { e2eeKey: 'another key' });
  await mallory.event('encryptionError');
  await sleep(1500);
  for (const row of await mallory.inbound()) {
    check(row.packets > 0, `mallory gets no packets of ${row.source}`, row);
    if (row.source === 'camera') equal(row.frames ?? 0, 0, 'frames decoded with the wrong key');
  }
  equal((await mallory.state()).state, 'connected', 'state of the page with the wrong key');
  await everyoneSeesEveryone([alice, bob]);
  t.step('the wrong key decodes nothing, says so, and disturbs nobody');
}
