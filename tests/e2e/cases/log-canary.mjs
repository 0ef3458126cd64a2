// The log canary against itself: a secret that a process of ours prints is noticed, whatever that process is called
// and whatever starts it, and nothing else is.
import {
  assertNothingLeaked, inspectLine, inspectText, keepSecret, keepSecretsOf, keepSecretsOfYaml, takeLeaks,
} from '../lib/canary.mjs';
import { check, equal, rejects } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';
import { Service } from '../lib/service.mjs';
import { signJwt } from '../lib/tokens.mjs';

export const about = 'the search of logs for secrets finds them in every process of ours, and only there';
export const timeoutSeconds = 30;

const YAML = `# as_token: in-a-comment
port: 7880
keys:
  the-name-of-a-key: kept-of-keys
homeserver:
  name: "homeserver.test"
appservice:
  id: "not-kept-id"
  as_token: "kept-as-token"
  sender_localpart: "not-kept-sender"
access:
  public_url: "wss://not-kept.test"
`;
const JWT = signJwt({ sub: '@alice:fake.test', exp: 2000000000 });

export async function run(t) {
  keepSecret('kept-by-itself');
  keepSecretsOf({ webhook: { api_key: 'not-kept-key' }, keys: { name: 'kept-of-a-map' } });
  keepSecretsOf({ LIVEKIT_SECRET: 'kept-of-env' });
  keepSecretsOfYaml(YAML);
  const kept = ['kept-by-itself', 'kept-of-a-map', 'kept-of-env', 'kept-of-keys', 'kept-as-token', JWT];
  const others = ['not-kept-key', 'the-name-of-a-key', 'homeserver.test', 'not-kept-id', 'not-kept-sender',
    'wss://not-kept.test', 'in-a-comment', '7880'];
  for (const word of [...kept, ...others]) {
    inspectLine('a log', `{"message":"he said ${word}, and left"}`);
    equal(takeLeaks().length, kept.includes(word) ? 1 : 0, `lines found that hold ${word}`);
  }
  inspectText('an output', `one\ntwo kept-by-itself\nthree ${JWT}`);
  await rejects((async () => assertNothingLeaked())(), 'two secrets in a log');
  equal(takeLeaks().length, 2, 'lines of a text');
  t.step('secrets of configurations, of environments, and tokens');

  const prints = ['token', '--dev', '--room', 'room', '--identity', 'alice'];
  for (const [name, command, args, wanted] of [
    ['any name', focusBinary(), prints, true], ['run by another', 'env', [focusBinary(), ...prints], true],
    ['fovea', 'echo', [JWT], false],
  ]) {
    equal(await leaks(name, command, args), wanted, `the token that "${name}" printed is found`);
  }
  keepSecret('"event":"ready"');
  await t.focus();
  check(takeLeaks().length > 0, 'what a focus prints is not searched');
  t.step('whatever a process of ours is called');
}

async function leaks(name, command, args) {
  const service = new Service(name, command, args);
  await new Promise((resolve) => service.child.once('close', resolve));
  check(service.tail(50).includes('eyJ'), `${name} printed no token`, service.tail(50));
  return takeLeaks().length > 0;
}
