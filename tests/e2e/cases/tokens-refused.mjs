// A refused token ends in NotAllowed with a reason, after one attempt and not after ten.
import { check, equal } from '../lib/expect.mjs';

export const about = 'bad, expired and foreign tokens: NotAllowed, a reason, one attempt only';
export const timeoutSeconds = 60;

const NOT_ALLOWED = 0;

export async function run(t) {
  const focus = await t.focus();
  const make = (extra) => focus.token('alice', 'room', extra);
  const refused = [
    ['garbage', 'not.a.token', /token/i],
    ['a wrong signature', make({ secret: 'another secret of thirty-two chars' }), /token/i],
    ['an expired token', make({ claims: { nbf: 1000, exp: 2000 } }), /token|expired/i],
    ['an unknown key', make({ claims: { iss: 'nobody' } }), /key/i],
    ['no roomJoin', make({ video: { roomJoin: false } }), /permission/i],
    ['no grants', make({ claims: { video: undefined } }), /permission/i],
  ];
  for (const [what, token, reason] of refused) {
    const page = await t.page('alice');
    const { refused: error } = await page.join(focus, { token, mayFail: true });
    check(error, `${what} was let in`);
    equal([error.reason, error.status], [NOT_ALLOWED, 401], `reason and status for ${what}`);
    check(reason.test(error.error), `the message for ${what} does not say why`, error.error);
    equal(page.sockets.length, 1, `WebSocket attempts with ${what}: ${page.sockets}`);
    t.step(`${what}: ${error.error}`);
  }
  await t.joined(focus, 'alice');
  t.step('a good token still gets in');
}
