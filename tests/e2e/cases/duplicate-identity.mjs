// The same identity twice: the newcomer stays, the old session is told why it ends.
import { check, equal, until } from '../lib/expect.mjs';

export const about = 'duplicate identity: the old page is told DUPLICATE_IDENTITY, others see no gap';
export const timeoutSeconds = 60;

const DUPLICATE_IDENTITY = 2;

export async function run(t) {
  const focus = await t.focus();
  const watcher = await t.joined(focus, 'watcher');
  const first = await t.joined(focus, 'alice', { publish: true });
  await watcher.seesMedia('alice', 'camera');
  await watcher.forgetEvents();

  const second = await t.joined(focus, 'alice', { publish: true });
  const { args: [reason] } = await first.event('disconnected');
  equal(reason, DUPLICATE_IDENTITY, 'reason given to the first page');
  equal((await first.state()).state, 'disconnected', 'state of the first page');
  t.step('the first page ended with the right reason');

  await watcher.seesMedia('alice', 'camera');
  const newSid = (await second.state()).sid;
  await until('the watcher knows only the second session', async () => {
    const { others } = await watcher.state();
    return others.length === 1 && others[0].sid === newSid;
  }, { describe: () => watcher.state() });
  const names = (await watcher.events()).map((e) => e.name);
  const lastGone = names.lastIndexOf('participantDisconnected');
  check(lastGone < names.lastIndexOf('participantConnected') || lastGone === -1,
    'the watcher believes alice is gone', names);
  t.step('the watcher sees the second page');
}
