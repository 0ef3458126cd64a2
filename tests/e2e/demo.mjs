// The whole of a Matrix call on this machine, for people: Synapse, Fovea, Element Call and two links.
// With --check it opens both links itself and ends once the two see and hear each other. See scripts/demo.
import { Case } from './lib/case.mjs';
import { cleanUp } from './lib/cleanup.mjs';
import { Skip, SKIP_EXIT_CODE } from './lib/expect.mjs';
import { ElementCall } from './lib/element-call.mjs';
import { MatrixWorld } from './lib/matrix-world.mjs';

const t = new Case();

async function end(code) {
  await cleanUp();
  process.exit(code);
}

async function check(call, names) {
  for (const name of names) await call.open(name, call.link(name));
  for (const name of names) await call.pages[name].seesOthers(names.length - 1);
  t.step('both links lead into one call with picture and sound');
}

async function main() {
  const names = ['alice', 'bob'];
  const world = await MatrixWorld.start(t, { people: names });
  const call = await ElementCall.serve(t, world);
  console.log(`
A call between two people, in an encrypted room of the homeserver at ${world.synapse.url}.
The focus that it advertises is ${world.serviceUrl}. Open each link in a tab or browser of its own:
`);
  for (const name of names) console.log(`  ${name.padEnd(6)} ${call.link(name)}`);
  console.log('\nCtrl-C ends everything.');
  if (process.argv.includes('--check')) {
    await check(call, names);
    await end(0);
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(0));
process.on('unhandledRejection', () => {});
main().catch(async (error) => {
  console.log(error instanceof Skip ? error.message : error.stack);
  await t.report().catch(() => {});
  await end(error instanceof Skip ? SKIP_EXIT_CODE : 1);
});
