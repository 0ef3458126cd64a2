// scripts/demo does what it promises: two links, and behind them one call.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SKIP_EXIT_CODE, Skip, check } from '../lib/expect.mjs';
import { focusBinary } from '../lib/focus.mjs';

export const about = 'scripts/demo --check: Synapse, Fovea and Element Call, two links, one call';
export const timeoutSeconds = 90;

export async function run(t) {
  const script = fileURLToPath(new URL('../../../scripts/demo', import.meta.url));
  const { status, stdout, stderr } = spawnSync(script, ['--check'], {
    env: { ...process.env, FOVEA_BIN: focusBinary() }, encoding: 'utf8', timeout: 85000,
  });
  if (status === SKIP_EXIT_CODE) throw new Skip(stdout.trim());
  check(status === 0, `scripts/demo --check ended with ${status}:\n${stdout}\n${stderr}`);
  const links = stdout.match(/http:\S+user=\w+/g) ?? [];
  check(links.length === 2, 'the demo printed no two links', stdout);
  t.step(`the demo printed ${links.join(' and ')}, and both work`);
}
