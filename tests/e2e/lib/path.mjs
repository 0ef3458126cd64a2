// Programs by name, as a shell finds them.
import fs from 'node:fs';
import path from 'node:path';

export function onPath(names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return candidates.find((file) => fs.existsSync(file));
}
