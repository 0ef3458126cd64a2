// LiveKit access tokens: HS256 JWTs made by hand, so that broken ones can be made as well.
import crypto from 'node:crypto';
import { keepSecret } from './canary.mjs';

export const API_KEY = 'devkey';
export const API_SECRET = keepSecret('e2e-secret-that-is-32-chars-long');

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signJwt(claims, { secret = API_SECRET, alg = 'HS256' } = {}) {
  const body = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`;
  return `${body}.${crypto.createHmac('sha256', secret).update(body).digest('base64url')}`;
}

// `video` adds to or overrides the grants of an ordinary participant; undefined removes one.
export function token({ identity, room, video = {}, claims = {}, ...signing }) {
  const now = Math.floor(Date.now() / 1000);
  return signJwt(
    {
      iss: API_KEY,
      sub: identity,
      nbf: now - 5,
      exp: now + 3600,
      video: { roomJoin: true, room, canPublish: true, canSubscribe: true, ...video },
      ...claims,
    },
    signing,
  );
}
