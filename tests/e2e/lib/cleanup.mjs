// Everything a case starts is registered here and ended in reverse order, whatever happens.

const pending = [];

// Registers `end`; returns a function that runs it early (once).
export function onCleanup(what, end) {
  const entry = { what, end, done: false };
  pending.push(entry);
  return () => run(entry);
}

async function run(entry) {
  if (entry.done) return;
  entry.done = true;
  const limit = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('took longer than 8 s')), 8000).unref();
  });
  try {
    await Promise.race([entry.end(), limit]);
  } catch (error) {
    console.log(`  cleanup of ${entry.what}: ${error.message}`);
  }
}

export async function cleanUp() {
  while (pending.length) await run(pending.pop());
}
