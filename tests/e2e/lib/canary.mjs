// What must never stand in a log of Fovea's, in any case: keys, tokens of every kind, and what a
// homeserver gave out. Every line that a focus prints at its most talkative is held against these.
import { Failure } from './expect.mjs';

const SHORTEST = 8;  // "secret" itself is a word
const SECRET_KEYS = /token$|secret|password|^keys$/i;
const JWT = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{16,}/;

const secrets = new Set();
const leaks = [];

// Returns it, so that it can stand where the secret is made.
export function keepSecret(value) {
  if (typeof value === 'string' && value.length >= SHORTEST) secrets.add(value);
  return value;
}

// Everything that a configuration holds under a name that promises a secret.
export function keepSecretsOf(config, isSecret = false) {
  if (typeof config === 'string') {
    if (isSecret) keepSecret(config);
    return;
  }
  for (const [key, value] of Object.entries(config ?? {})) {
    keepSecretsOf(value, isSecret || SECRET_KEYS.test(key));
  }
}

// The same of a YAML file that `fovea setup` wrote: nested maps of scalars, whatever else is in it.
export function keepSecretsOfYaml(text) {
  let below = Infinity;  // what is indented further is a secret
  for (const line of text.split('\n')) {
    const found = /^( *)([\w.-]+): *"?([^"]*)"?$/.exec(line);
    if (!found) continue;
    const [, { length: indent }, key, value] = found;
    if (indent <= below) below = SECRET_KEYS.test(key) ? indent : Infinity;
    if (below < Infinity) keepSecret(value);
  }
}

export function inspectLine(name, line) {
  const found = JWT.exec(line)?.[0] ?? [...secrets].find((secret) => line.includes(secret));
  if (found) leaks.push(`${name}: ${line}`);
}

// All that a process said, where it was run to its end.
export function inspectText(name, text) {
  for (const line of text.split('\n')) inspectLine(name, line);
}

// What was found so far, which then fails nobody: for the case that tries whether anything is found.
export function takeLeaks() { return leaks.splice(0); }

export function assertNothingLeaked() {
  if (leaks.length > 0) throw new Failure(`a secret is in the log:\n${leaks.slice(0, 5).join('\n')}`);
}
