// Name, metadata and attributes set by the participant itself.
import { check, equal, until } from '../lib/expect.mjs';

export const about = 'setName, setMetadata, setAttributes: resolve, are seen by others, need the grant';
export const timeoutSeconds = 60;

export async function run(t) {
  const focus = await t.focus();
  const video = { canUpdateOwnMetadata: true };
  const alice = await t.joined(focus, 'alice', { token: focus.token('alice', 'room', { video }) });
  const bob = await t.joined(focus, 'bob');
  await alice.call('setProfile', { name: 'Alice', metadata: 'm', attributes: { a: '1', b: '2' } });
  await alice.call('setProfile', { attributes: { b: '' } });
  const seen = () => bob.state().then(({ others }) => others.find((p) => p.identity === 'alice'));
  await until('bob sees what alice set', async () => {
    const p = await seen();
    return p.name === 'Alice' && p.metadata === 'm' && p.attributes.a === '1' && !('b' in p.attributes);
  }, { describe: seen });
  t.step('others see it; an empty attribute is deleted');

  const refusal = await bob.call('setProfile', { name: 'Bobby' }).then(() => null, (error) => error);
  check(refusal, 'bob changed his name without the grant');
  equal((await bob.state()).me.name ?? '', '', 'name of bob');
  t.step('without the grant it is refused');
}
