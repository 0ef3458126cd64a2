// The page that a focus in dev mode serves, laid out as scripts/run does it, and what tabs of it show.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onCleanup } from './cleanup.mjs';
import { until } from './expect.mjs';

export function layOutPage() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-page-'));
  onCleanup('page folder', () => fs.rmSync(folder, { recursive: true }));
  const shell = fileURLToPath(new URL('../../../scripts/lib.sh', import.meta.url));
  execFileSync('bash', ['-euo', 'pipefail', '-c', '. "$0" && fovea_lay_out_page "$1"', shell, folder]);
  return folder;
}

export function twoTilesPlay(tab) {
  return until('two tiles play', () => tab.evaluate(() => {
    const videos = [...document.querySelectorAll('.tile video')];
    return videos.filter((v) => v.videoWidth > 0 && v.currentTime > 1).length === 2;
  }), { timeoutMs: 15000, describe: () => tab.textContent('#tiles') });
}
