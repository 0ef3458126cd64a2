// End-to-end encrypted frames pass untouched, between two versions of livekit-client, whatever the call does; a
// wrong key shows as an error and harms nobody.
import { allIsEncrypted, e2eeKey, nobodySawAnEncryptionError } from '../lib/encrypted-call.mjs';
import { check, equal, sleep, until } from '../lib/expect.mjs';
import { everyoneSeesEveryone } from '../lib/peer.mjs';
import { muteAndUnmute, shareScreen } from '../lib/two-page-call.mjs';

export const about = 'Chromium with end-to-end encryption: mute, layers, screen; a third page with the wrong key';
export const timeoutSeconds = 120;

const camera = { width: 960, height: 540, publish: { simulcast: true, videoCodec: 'vp8' } };
const who = { identity: 'alice', source: 'camera' };

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { e2eeKey, publish: { camera } });
  const bob = await t.joined(focus, 'bob', { page: { client: '221' }, e2eeKey, publish: true });
  const both = [alice, bob];
  await everyoneSeesEveryone(both);
  await allIsEncrypted(both);
  t.step('two with the key see and hear each other');

  await muteAndUnmute(t, alice, bob);
  await switchLayers(t, bob);
  await shareScreen(t, alice, bob);
  await allIsEncrypted(both);

  await wrongKey(t, focus);
  await everyoneSeesEveryone(both);
  await nobodySawAnEncryptionError(both);
  t.step('the two with the key never saw an encryption error');
}

async function switchLayers(t, viewer) {
  const size = (width, height) => () => viewer.call('requestSize', { ...who, width, height });
  const quality = (name) => () => viewer.call('requestQuality', { ...who, quality: name });
  const wishes = [
    [180, size(320, 180)], [360, size(640, 360)],
    [180, quality('LOW')], [360, quality('MEDIUM')], [540, quality('HIGH')],
  ];
  for (const [height, ask] of wishes) {
    await ask();
    await until(`${viewer.name} decodes ${height} lines`, async () => {
      const row = await viewer.inboundOf(who.identity, who.source);
      return row.height === height && row.fps > 0;
    }, { timeoutMs: 15000, describe: () => viewer.inbound() });
  }
  t.step(`layers of ${wishes.map(([height]) => height).join(', ')} lines in turn`);
}

async function wrongKey(t, focus) {
  const mallory = await t.joined(focus, 'mallory', { e2eeKey: 'another key' });
  await mallory.event('encryptionError');
  await sleep(1500);
  for (const row of await mallory.inbound()) {
    check(row.packets > 0, `mallory gets no packets of ${row.source}`, row);
    if (row.source === 'camera') equal(row.frames ?? 0, 0, 'frames decoded with the wrong key');
  }
  equal((await mallory.state()).state, 'connected', 'state of the page with the wrong key');
  t.step('the wrong key decodes nothing and says so');
}
