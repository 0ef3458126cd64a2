// Grants of the token, and permissions changed while the call is on.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, equal, sleep, until } from '../lib/expect.mjs';
import { API_KEY, API_SECRET } from '../lib/tokens.mjs';

export const about = 'canPublish, canSubscribe, canPublishSources, canPublishData; revoked and given back';
export const timeoutSeconds = 90;

export async function run(t) {
  const focus = await t.focus();
  const api = new RoomServiceClient(focus.httpUrl, API_KEY, API_SECRET);
  const alice = await t.joined(focus, 'alice', { publish: true });
  const withGrants = (name, video) => (
    t.joined(focus, name, { token: focus.token(name, 'room', { video }) }));

  await grantsOfTheToken(t, alice, withGrants);
  await changedInTheCall(t, api, alice, await withGrants('bob', {}));
  await grantedOverTwoConnections(t, api, alice, focus);
}

async function grantsOfTheToken(t, alice, withGrants) {
  const viewer = await withGrants('viewer', { canPublish: false });
  check((await viewer.call('tryPublish', { source: 'camera' })).refused, 'canPublish false published');
  await viewer.seesMedia('alice', 'camera');

  const speaker = await withGrants('speaker', { canPublishSources: ['microphone'] });
  check((await speaker.call('tryPublish', { source: 'camera' })).refused, 'camera was not granted');
  check((await speaker.call('tryPublish', { source: 'microphone' })).trackSid, 'microphone was granted');
  await alice.seesMedia('speaker', 'microphone');

  const deaf = await withGrants('deaf', { canSubscribe: false, canPublishData: false });
  await sleep(1500);
  equal((await deaf.inbound()).length, 0, 'streams of one who may not subscribe');
  await deaf.call('send', { text: 'forbidden', reliable: true });
  await speaker.call('send', { text: 'allowed', reliable: true });
  await alice.received('permitted data', (m) => m.text === 'allowed');
  check(!(await alice.inbox()).some((m) => m.text === 'forbidden'), 'data without canPublishData arrived');
  t.step('the grants of tokens hold');
}

async function changedInTheCall(t, api, alice, bob) {
  await bob.publish();
  await alice.seesMedia('bob', 'camera');
  const allow = (permission) => api.updateParticipant('room', 'bob', { permission });
  const everything = { canPublish: true, canSubscribe: true, canPublishData: true };

  await allow({ ...everything, canPublish: false });
  await bob.event('participantPermissionsChanged', (e) => e.args[1]?.identity === 'bob');
  await bob.event('localTrackUnpublished', (e) => e.args[0].source === 'camera');
  await alice.event('trackUnpublished', (e) => e.args[0].source === 'camera');
  equal((await bob.state()).me.permissions.canPublish, false, 'what bob knows of his permission');
  t.step('canPublish revoked: tracks are gone on both sides');

  await allow({ ...everything, canSubscribe: false });
  await until('bob gets nothing any more', async () => (await bob.inbound()).length === 0);
  await allow(everything);
  await bob.seesMedia('alice', 'camera');
  await bob.publish();
  await alice.seesMedia('bob', 'camera');
  t.step('canSubscribe revoked and given back, publishing again');
}

// Its subscriber connection does not exist before it may subscribe.
async function grantedOverTwoConnections(t, api, alice, focus) {
  const dual = await t.joined(focus, 'dual', {
    token: focus.token('dual', 'room', { video: { canSubscribe: false } }),
    roomOptions: { singlePeerConnection: false },
    publish: true,
  });
  await alice.seesMedia('dual', 'camera');
  equal((await dual.inbound()).length, 0, 'streams of one who may not subscribe');
  await api.updateParticipant('room', 'dual', {
    permission: { canPublish: true, canSubscribe: true, canPublishData: true },
  });
  await dual.seesMedia('alice', 'camera');
  await alice.call('send', { text: 'down the new connection', reliable: true });
  await dual.received('data', (m) => m.text === 'down the new connection');
  check((await dual.events('reconnecting')).length === 0, 'the grant made the client reconnect');
  t.step('canSubscribe given to a client with two connections');
}
