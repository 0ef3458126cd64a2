// What an operator can bound: tracks that one viewer receives, and how much the whole server forwards.
import { refusedUpgrade } from '../lib/bare-client.mjs';
import { equal, sleep, until } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';

export const about = 'limit: subscription_limit_video, num_tracks, bytes_per_sec';
export const timeoutSeconds = 90;

const small = { width: 160, height: 90, fps: 10 };

export async function run(t) {
  await oneVideoEach(t);
  await refuses(t, 'num_tracks', { num_tracks: 2 });
  await refuses(t, 'bytes_per_sec', { bytes_per_sec: 1000 });
}

async function oneVideoEach(t) {
  const focus = await t.focus({ config: { limit: { subscription_limit_video: 1 } } });
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => NativePeer.join(focus, name)));
  await alice.publishVideo(small);
  await alice.publishTone();
  await carol.seesMedia('alice', 'camera');
  await bob.publishVideo(small);
  await carol.seesMedia('alice', 'microphone');
  await sleep(1000);
  equal(carol.frames('bob', 'camera'), 0, 'frames of a second video');
  t.step('carol sees one video and hears the sound beside it');
  await alice.leave();
  await carol.seesMedia('bob', 'camera');
  t.step('alice left, and carol sees bob');
}

// Whoever is there stays; nobody else joins, until there is less of it.
async function refuses(t, what, limit) {
  const focus = await t.focus({ config: { limit } });
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => NativePeer.join(focus, name)));
  await alice.publishVideo(small);
  await bob.seesMedia('alice', 'camera');
  const refused = await until('somebody is refused', async () => {
    try {
      await (await NativePeer.join(focus, 'carol')).leave();
      return false;
    } catch (error) {
      return error;
    }
  }, { timeoutMs: 5000 });
  const query = new URLSearchParams({ access_token: focus.token('carol', 'room') });
  const validate = await fetch(`${focus.httpUrl}/rtc/validate?${query}`);
  const upgrade = await refusedUpgrade(focus, `/rtc?${query}`);
  for (const seen of [[validate.status, await validate.text()], [upgrade.status, upgrade.text]]) {
    equal(seen, [503, 'the server has reached its limits'], what);
  }
  await bob.seesMedia('alice', 'camera');
  t.step(`${what}: ${refused}`);
  await alice.leave();
  const back = await until('there is room again', () => NativePeer.join(focus, 'dave').catch(() => false), {
    timeoutMs: 5000,
  });
  equal(back.room.remoteParticipants.size, 1, 'participants dave sees');
  t.step(`${what}: room again once alice is gone`);
}
