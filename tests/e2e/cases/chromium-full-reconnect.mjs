// When a resume is impossible the client starts anew with the same identity and republishes.
import { equal, until } from '../lib/expect.mjs';

export const about = 'Chromium: full reconnect, failed resume and node failure end in a new session';
export const timeoutSeconds = 150;

export async function run(t) {
  const focus = await t.focus();
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  for (const scenario of ['full-reconnect', 'resume-reconnect', 'node-failure']) {
    const { sid } = await alice.state();
    await alice.forgetEvents();
    await alice.call('simulate', { scenario });
    await alice.event('reconnected', () => true, { timeoutMs: 30000 });
    await until('alice has a new session', async () => (await alice.state()).sid !== sid);
    await until('bob knows the new session with both tracks', async () => {
      const { others } = await bob.state();
      const tracks = others.find((p) => p.identity === 'alice')?.tracks ?? [];
      return others.length === 1 && tracks.filter((x) => x.subscribed).length === 2;
    }, { timeoutMs: 15000, describe: () => bob.state() });
    for (const source of ['camera', 'microphone']) {
      await bob.seesMedia('alice', source);
      await alice.seesMedia('bob', source);
    }
    equal((await alice.state()).others.length, 1, 'participants alice knows');
    t.step(`${scenario}: new session, both tracks republished`);
  }
}
