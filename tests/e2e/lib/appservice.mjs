// The registration under which a homeserver pushes a room's events to the focus.
import crypto from 'node:crypto';

// With `proxied` the homeserver also forwards its own routes rtc/livekit/... to the focus; with `deviceLists` it
// says whose devices have changed (MSC3202).
export function appserviceFor(serverName, url, { proxied = false, deviceLists = false } = {}) {
  const proxy = {
    'io.element.msc4512.proxy_prefix': 'rtc/livekit', 'io.element.msc4512.proxy_url': url,
  };
  return {
    ...(proxied && proxy),
    ...(deviceLists && { 'org.matrix.msc3202': true }),
    id: 'fovea',
    url,
    as_token: crypto.randomBytes(16).toString('hex'),
    hs_token: crypto.randomBytes(16).toString('hex'),
    sender_localpart: 'fovea',
    rate_limited: false,
    // Lets it ask who is in a room without being there. Synapse does not start with a scope it does not
    // know, and knows this one from 1.161 on.
    'io.element.msc4502.scopes': ['urn:matrix:client:io.element.msc4502:rooms:is_joined'],
    namespaces: {
      // Not exclusive, or nobody could log in any more.
      users: [{ regex: `@.*:${serverName.replace(/\./g, '\\.')}`, exclusive: false }],
    },
  };
}
