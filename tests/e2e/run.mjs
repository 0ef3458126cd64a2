// Runs one case, or lists them. Each case is a process of its own, so a native crash or a leak in
// one cannot touch the next. Exit codes: 0 passed, 1 failed, 2 usage, 77 skipped.
import fs from 'node:fs';
import { Case } from './lib/case.mjs';
import { cleanUp } from './lib/cleanup.mjs';
import { SKIP_EXIT_CODE, Skip } from './lib/expect.mjs';
import { namespaces, runInNamespaces } from './lib/netns.mjs';

// rtc-node logs every callback unless told that this is no development.
process.env.NODE_ENV ??= 'production';

const folder = new URL('cases/', import.meta.url);

function names() {
  const files = fs.readdirSync(folder).filter((f) => f.endsWith('.mjs'));
  return files.map((f) => f.slice(0, -'.mjs'.length)).sort();
}

// Read, not imported: listing must not load browsers' and native clients' libraries.
function list() {
  for (const name of names()) {
    const source = fs.readFileSync(new URL(`${name}.mjs`, folder), 'utf8');
    const about = /^export const about = '(.*)';$/m.exec(source)?.[1];
    console.log(`${name.padEnd(24)} ${about}`);
  }
}

async function end(code) {
  await cleanUp();
  process.exit(code);
}

async function runCase(name) {
  const { about, timeoutSeconds, needsNamespaces, run } = await import(new URL(`${name}.mjs`, folder));
  const t = new Case();
  if (!namespaces()) console.log(`${name}: ${about}`);
  let failing = false;
  const fail = async (error) => {
    if (failing) return;
    failing = true;
    console.log(`FAILED ${name}: ${error?.stack ?? error}`);
    await t.report().catch((e) => console.log(`  no report: ${e.message}`));
    await end(1);
  };
  const tooLong = new Error(`took longer than ${timeoutSeconds} s`);
  const outside = needsNamespaces && !namespaces();
  // Outside, the process only waits for the one inside, which reports better.
  setTimeout(() => fail(tooLong), (timeoutSeconds + (outside ? 10 : 0)) * 1000).unref();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(1));
  process.on('unhandledRejection', fail);
  try {
    if (outside) await end(await runInNamespaces());
    await run(t);
    t.finish();
  } catch (error) {
    if (error instanceof Skip) {
      console.log(`SKIPPED ${name}: ${error.message}`);
      await end(SKIP_EXIT_CODE);
    }
    await fail(error);
  }
  t.step('passed');
  await end(0);
}

const [name] = process.argv.slice(2);
if (name === 'list') {
  list();
} else if (names().includes(name)) {
  await runCase(name);
} else {
  console.error(`there is no case "${name ?? ''}"; scripts/e2e list names them`);
  process.exit(2);
}
