// The page that a focus in dev mode serves, and the client library on it, in one folder, as scripts/run lays them out.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onCleanup } from './cleanup.mjs';

export function layOutPage() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fovea-page-'));
  onCleanup('page folder', () => fs.rmSync(folder, { recursive: true }));
  fs.cpSync(new URL('../../../signaling/app/page', import.meta.url), folder, { recursive: true });
  const library = 'livekit-client.umd.js';
  fs.copyFileSync(
    new URL(`../node_modules/livekit-client-223/dist/${library}`, import.meta.url),
    path.join(folder, library));
  return folder;
}
