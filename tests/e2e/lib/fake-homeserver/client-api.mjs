// The part of the client-server API that a focus, its tests and call clients use. Every route is a
// function of (homeserver, request) that returns a body, or throws an Answer for anything but 200.
import crypto from 'node:crypto';
import { syncAnswer } from './sync.mjs';

export class Answer extends Error {
  constructor(status, errcode, error = errcode, more = {}) {
    super(error);
    Object.assign(this, { status, body: { errcode, error, ...more } });
  }
}

const fail = (...args) => { throw new Answer(...args); };
// Who has left still reads the state, frozen as it was then: an application service that asks as such a
// user gets an answer that looks like today's.
function readState(hs, request, id) {
  const found = hs.rooms.get(id);
  const left = found?.departures.get(request.user);
  return left ?? [...room(hs, request, id).state.values()];
}

// An application service needs no membership of its own for this, only one local user in the room.
function joinedMembers(hs, request, id) {
  const joined = hs.rooms.get(id)?.joined() ?? [];
  const present = joined.includes(request.user)
    || (request.appservice && joined.some((user) => user.endsWith(`:${hs.name}`)));
  if (!present) fail(403, 'M_FORBIDDEN', 'Appservice not in room');
  return { joined: Object.fromEntries(joined.map((user) => [user, { display_name: null }])) };
}

function room(hs, request, id) {
  const found = hs.rooms.get(id);
  if (!found || !found.joined().includes(request.user)) {
    fail(403, 'M_FORBIDDEN', `User ${request.user} not in room ${id}`);
  }
  return found;
}

function sendOrDelay(hs, request, id, event, fire) {
  const delayMs = request.query.get('org.matrix.msc4140.delay');
  if (delayMs === null) return { event_id: fire().event_id };
  // As Synapse with delayed events off: nobody may schedule one, and whatever is to be restarted is not found.
  if (!hs.options.maxDelayMs) fail(403, 'M_FORBIDDEN');
  if (Number(delayMs) > hs.options.maxDelayMs) {
    fail(400, 'M_UNKNOWN', 'The requested delay exceeds the allowed maximum.', {
      'org.matrix.msc4140.errcode': 'M_MAX_DELAY_EXCEEDED',
      'org.matrix.msc4140.max_delay': hs.options.maxDelayMs,
    });
  }
  return { delay_id: hs.delayed.schedule(request.user, Number(delayMs), { room_id: id, ...event }, fire) };
}

function putState(hs, request, id, type, key = '') {
  const target = room(hs, request, id);
  const fire = () => target.setState(request.user, type, key, request.body);
  return sendOrDelay(hs, request, id, { type, state_key: key, content: request.body }, fire);
}

function putEvent(hs, request, id, type, txn) {
  const target = room(hs, request, id);
  const known = `${request.user} ${txn}`;
  if (hs.transactions.has(known)) return hs.transactions.get(known);
  const sticky = request.query.get('org.matrix.msc4354.sticky_duration_ms');
  const options = sticky === null ? {} : { stickyMs: Number(sticky) };
  const fire = () => target.send(request.user, type, request.body, options);
  const answer = sendOrDelay(hs, request, id, { type, content: request.body, ...options }, fire);
  hs.transactions.set(known, answer);
  return answer;
}

function isJoined(hs, request, id) {
  if (!request.appservice) fail(403, 'M_FORBIDDEN');
  const joined = hs.rooms.get(id)?.joined() ?? [];
  const [mxid, server] = [request.query.get('mxid'), request.query.get('server_name')];
  if ((mxid === null) === (server === null)) fail(400, 'M_MISSING_PARAM');
  return { joined: mxid ? joined.includes(mxid) : joined.some((user) => user.endsWith(`:${server}`)) };
}

// Restart and friends need no access token in Synapse; without one the address is what is limited.
function manageDelayed(hs, request, id, action = request.body?.action) {
  if (!['restart', 'cancel', 'send'].includes(action)) fail(400, 'M_INVALID_PARAM');
  if (!request.user) hs.limitByAddress(request.address);
  if (!hs.delayed.act(id, action, request.appservice ? null : request.user)) fail(404, 'M_NOT_FOUND');
  return {};
}

function listDelayed(hs, request) {
  const shown = ({ id, delayMs, event }) => ({ delay_id: id, delay: delayMs, ...event });
  return { delayed_events: hs.delayed.of(request.user).map(shown) };
}

function openId(hs, request, user) {
  if (request.user !== user) fail(403, 'M_FORBIDDEN');
  return hs.openIdFor(user);
}

async function ping(hs, request, id) {
  if (!request.appservice || id !== hs.pusher?.id) fail(403, 'M_FORBIDDEN');
  const started = Date.now();
  const status = await hs.pusher.ping(request.body?.transaction_id).catch(() => 0);
  if (status !== 200) fail(502, status ? 'M_BAD_STATUS' : 'M_CONNECTION_FAILED', 'ping failed', { status });
  return { duration_ms: Date.now() - started };
}

function transports(hs) {
  const { focusUrl } = hs.options;
  return focusUrl ? { rtc_transports: [{ type: 'livekit', livekit_service_url: focusUrl }] } : {};
}

const stateEvent = (hs, request, id, type, key = '') => (
  room(hs, request, id).get(type, key)?.content ?? fail(404, 'M_NOT_FOUND', 'Event not found.'));

const anyVersion = '/_matrix/client/(?:r0|v1|v3|unstable)';
const rooms = `${anyVersion}/rooms/([^/]+)`;
const delayed = '/_matrix/client/unstable/org\\.matrix\\.msc4140/delayed_events';
const compile = (method, pattern, run, access = 'token') => (
  { method, pattern: new RegExp(`^${pattern}$`), run, access });

export const clientRoutes = [
  compile('GET', '/_matrix/client/versions', (hs) => hs.versions(), 'anyone'),
  compile('GET', '/health', () => ({}), 'anyone'),
  compile('GET', `${anyVersion}/account/whoami`, (hs, request) => ({ user_id: request.user })),
  compile('GET', `${anyVersion}/joined_rooms`, (hs, request) => (
    { joined_rooms: [...hs.rooms.values()].filter((r) => r.joined().includes(request.user)).map((r) => r.id) })),
  compile('GET', `${anyVersion}/sync`, syncAnswer),
  compile('GET', `${rooms}/state`, readState),
  compile('GET', `${rooms}/state/([^/]+)/?([^/]*)`, stateEvent),
  compile('PUT', `${rooms}/state/([^/]+)/?([^/]*)`, putState),
  compile('PUT', `${rooms}/send/([^/]+)/([^/]+)`, putEvent),
  compile('GET', `${rooms}/joined_members`, joinedMembers),
  compile('GET', '/_matrix/client/unstable/io\\.element\\.msc4502/rooms/([^/]+)/is_joined', isJoined),
  compile('POST', `${delayed}/([^/]+)/([a-z]+)`, manageDelayed, 'optional'),
  compile('POST', `${delayed}/([^/]+)`, manageDelayed, 'optional'),
  compile('GET', delayed, listDelayed),
  compile('GET', '/_matrix/client/unstable/org\\.matrix\\.msc4143/rtc/transports', transports),
  compile('POST', `${anyVersion}/user/([^/]+)/openid/request_token`, openId),
  compile('POST', '/_matrix/client/v1/appservice/([^/]+)/ping', ping),
  compile('GET', '/\\.well-known/matrix/server', (hs) => hs.wellKnown('server'), 'anyone'),
  compile('GET', '/\\.well-known/matrix/client', (hs) => hs.wellKnown('client'), 'anyone'),
  compile('GET', '/_matrix/federation/v1/openid/userinfo', (hs, request) => {
    const sub = hs.openIdTokens.get(request.query.get('access_token'));
    return sub ? { sub } : fail(401, 'M_UNKNOWN_TOKEN', 'Access Token unknown or expired');
  }, 'anyone'),
];

export function newOpenIdToken() { return `oid_${crypto.randomBytes(12).toString('base64url')}`; }
