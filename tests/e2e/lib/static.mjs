// Static pages on a port of 127.0.0.1, which browsers count as a secure context.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onCleanup } from './cleanup.mjs';

const here = fileURLToPath(new URL('../', import.meta.url));
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

// Paths are prefixes; the longest that fits wins.
export const testRoots = {
  '/': path.join(here, 'pages'),
  '/lk223/': path.join(here, 'node_modules/livekit-client-223/dist'),
  '/lk221/': path.join(here, 'node_modules/livekit-client-221/dist'),
};

function locate(roots, pathname) {
  const prefixes = Object.keys(roots).sort((a, b) => b.length - a.length);
  const prefix = prefixes.find((p) => pathname.startsWith(p));
  if (!prefix) return null;
  const inside = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
  const file = path.join(roots[prefix], path.normalize(`/${inside.slice(prefix.length)}`));
  return fs.existsSync(file) && fs.statSync(file).isFile() ? file : null;
}

// `handler(request, response, url)` may answer first by returning true.
export async function servePages({ roots = testRoots, handler, port = 0 } = {}) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (handler && (await handler(request, response, url))) return;
    const file = locate(roots, decodeURIComponent(url.pathname));
    if (!file) {
      response.writeHead(404).end('not found');
      return;
    }
    response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  onCleanup('page server', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${server.address().port}`, server };
}
