// /.well-known/matrix/client served by the focus, for operators whose web server cannot: a page of
// another origin reads it in Chromium, as Element Call does, while the homeserver's own document comes,
// changes and goes.
import http from 'node:http';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';
import { servePages } from '../lib/static.mjs';

export const about = 'the focus serves .well-known/matrix/client across origins, completing an upstream document';
export const timeoutSeconds = 60;

const PATH = '/.well-known/matrix/client';
const FOCI = 'org.matrix.msc4143.rtc_foci';
const OWN = { livekit_service_url: 'https://rtc.example.org', type: 'livekit' };
const OTHER = { livekit_service_url: 'https://other.example.org', type: 'livekit' };
const DOCUMENT = {
  'm.homeserver': { base_url: 'https://matrix.example.org' },
  'org.matrix.msc2965.authentication': { issuer: 'https://auth.example.org/' },
  [FOCI]: [OTHER, OWN],
};

// The homeserver's own document; `answer` is changed by the steps.
async function upstream() {
  const self = { answer: { status: 200, body: DOCUMENT }, asked: 0 };
  const server = http.createServer((request, response) => {
    self.asked += 1;
    const { status, body, hang } = self.answer;
    if (hang) return request.socket.destroy();
    response.writeHead(status, { 'content-type': 'application/json' });
    return response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  self.stop = onCleanup('upstream', () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  self.url = `http://127.0.0.1:${server.address().port}${PATH}`;
  return self;
}

const focusFor = (t, homeserver) => t.focus({
  config: { homeserver: { name: 'example.org', ...homeserver }, access: { public_url: 'wss://rtc.example.org' } },
});

// What a page of another origin gets: the browser enforces CORS here.
function read(page, focus, options = {}) {
  return page.evaluate(async ([url, init]) => {
    const response = await fetch(url, init).catch((error) => ({ status: 0, text: () => error.message }));
    const text = await response.text();
    return {
      status: response.status, type: response.headers?.get('content-type'),
      text, document: text.startsWith('{') ? JSON.parse(text) : null,
    };
  }, [`${focus.httpUrl}${PATH}`, options]);
}

export async function run(t) {
  const pages = await servePages();
  const page = await t.tab(`${pages.url}/call.html`);
  await withoutUpstream(t, page);
  const hs = await upstream();
  hs.answer = { hang: true };
  const focus = await focusFor(t, { well_known_upstream: hs.url });
  await recovers(t, page, hs, focus);
  await completes(t, page, hs, focus);
  equal(page.crashes, [], 'errors of the page');
}

async function withoutUpstream(t, page) {
  const focus = await focusFor(t, { well_known_base_url: 'https://matrix.example.org' });
  const { status, type, document } = await read(page, focus);
  equal([status, document], [200, {
    'm.homeserver': { base_url: 'https://matrix.example.org' }, [FOCI]: [OWN],
  }], 'a document of its own');
  check(type?.startsWith('application/json'), 'its content type', type);
  // A header that is not safelisted makes the browser ask first, by OPTIONS.
  const preflighted = await read(page, focus, { headers: { 'x-requested-with': 'test' } });
  equal(preflighted.status, 200, 'with a preflight');
  t.step('without an upstream: our own document, across origins');
}

// No document was ever there, so there is nothing to serve, and the browser may read that too.
async function recovers(t, page, hs, focus) {
  equal((await read(page, focus)).status, 502, 'while the upstream is down');
  for (const answer of [{ status: 404, body: '{}' }, { status: 200, body: '<html>' }, { status: 200, body: '[]' }]) {
    hs.answer = answer;
    equal((await read(page, focus)).status, 502, `while the upstream says ${JSON.stringify(answer)}`);
  }
  hs.answer = { status: 200, body: DOCUMENT };
  equal((await read(page, focus)).status, 200, 'once it is back');
  t.step('an upstream that is down or answers rubbish is asked again, and then served');
}

async function completes(t, page, hs, focus) {
  const { document } = await read(page, focus);
  equal(document['m.homeserver'], DOCUMENT['m.homeserver'], "the homeserver's address");
  equal(document['org.matrix.msc2965.authentication'], DOCUMENT['org.matrix.msc2965.authentication'],
    'what we know nothing of');
  equal(document[FOCI], [OWN, OTHER], 'our focus is first, and there once');
  const asked = hs.asked;
  await Promise.all(Array.from({ length: 20 }, () => read(page, focus)));
  equal(hs.asked, asked, 'questions to the upstream for 20 fresh answers');
  await hs.stop();
  const after = await until('the answer without an upstream', () => read(page, focus));
  equal([after.status, after.document], [200, document], 'the last document outlives the upstream');
  t.step('an upstream is completed, asked once in a while, and outlived');
}
