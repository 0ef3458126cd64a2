// Assertions that say what was expected, what was seen and when; nothing else throws on purpose.

export class Failure extends Error {}

// The machine cannot run the case at all (no root, no browser); ctest then shows "skipped".
export class Skip extends Error {}
export const SKIP_EXIT_CODE = 77;

export function check(condition, message, seen) {
  if (condition) return;
  throw new Failure(seen === undefined ? message : `${message}; seen: ${show(seen)}`);
}

export function equal(actual, expected, what) {
  const a = show(actual);
  const e = show(expected);
  check(a === e, `${what}: expected ${e}, got ${a}`);
}

export function atLeast(actual, minimum, what) {
  check(actual >= minimum, `${what}: expected at least ${minimum}, got ${actual}`);
}

export function atMost(actual, maximum, what) {
  check(actual <= maximum, `${what}: expected at most ${maximum}, got ${actual}`);
}

// Awaits an error and returns it; a promise that resolves is the failure.
export async function rejects(promise, what) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Failure(`${what}: expected a refusal, but it succeeded`);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls `probe` until it returns something truthy and hands that back. The failure message carries
// what `describe` (or the probe's own last error) says, because "timed out" alone helps nobody.
export async function until(what, probe, { timeoutMs = 10000, everyMs = 100, describe } = {}) {
  const started = Date.now();
  let lastError;
  for (;;) {
    lastError = undefined;
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() - started > timeoutMs) break;
    await sleep(everyMs);
  }
  const state = lastError ? `last error: ${lastError.message}` : describe ? show(await describe()) : '';
  throw new Failure(`timed out after ${timeoutMs} ms waiting until ${what}${state && `; ${state}`}`);
}

export function show(value) {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? Number(v) : v));
  return text?.length > 1500 ? `${text.slice(0, 1500)}…` : String(text);
}
