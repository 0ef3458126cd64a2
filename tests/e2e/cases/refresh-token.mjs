// The token that a client keeps for its next full reconnect: it says what the first one said, lasts as long, and
// opens the door again as the same kind of participant. A bare WebSocket client: no SDK shows the token it was given.
// The same client sees the TURN credential that is made for it.
import crypto from 'node:crypto';
import { ParticipantInfo_Kind, ParticipantInfo_KindDetail, SignalResponse } from '@livekit/protocol';
import { WebSocket } from 'ws';
import { onCleanup } from '../lib/cleanup.mjs';
import { check, equal, until } from '../lib/expect.mjs';

export const about = 'a refreshed token keeps kind, grants and lifetime; TURN credentials from a shared secret';
export const timeoutSeconds = 60;

const TURN_SECRET = 'shared-with-the-turn-server';
const TURN_TTL = 600;

// Without roomCreate the focus below opens no room.
const AGENT = {
  video: { roomCreate: true, recorder: true, hidden: false, canUpdateOwnMetadata: true, canSubscribeMetrics: true },
  claims: { kind: 'agent', kindDetails: ['cloud_agent'], roomConfig: { maxParticipants: 7 } },
};

async function join(focus, token) {
  const query = new URLSearchParams({ access_token: token, protocol: '17', sdk: 'js', version: '2.23.0' });
  const socket = new WebSocket(`${focus.wsUrl}/rtc?${query}`);
  onCleanup('bare client', () => socket.terminate());
  const messages = [];
  socket.on('message', (data) => messages.push(SignalResponse.fromBinary(data).message));
  const heard = (kind) => until(kind, () => messages.find((m) => m.case === kind)?.value, {
    describe: () => messages.map((m) => m.case),
  });
  const [answer, refreshed] = [await heard('join'), await heard('refreshToken')];
  return { socket, answer, refreshed };
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

export async function run(t) {
  const focus = await t.focus({ config: {
    room: { auto_create: false },
    rtc: { turn_servers: [{ host: 'turn.example.org', secret: TURN_SECRET, ttl: TURN_TTL }] },
  } });
  const token = focus.token('robot', 'room', AGENT);
  const first = await join(focus, token);
  const [before, after] = [claimsOf(token), claimsOf(first.refreshed)];
  equal([after.kind, after.kindDetails, after.roomConfig?.maxParticipants], ['agent', ['cloud_agent'], 7], 'claims');
  for (const grant of ['roomCreate', 'recorder', 'canSubscribeMetrics', 'roomJoin']) {
    equal(after.video[grant], true, `${grant} of the refreshed token`);
  }
  check(Math.abs(after.exp - before.exp) < 10, 'the refreshed token lasts as long as the first', { before, after });
  t.step(`the refreshed token is good for ${after.exp - after.nbf} s, as the first`);

  const [turn] = first.answer.iceServers;
  equal(turn.urls, ['turn:turn.example.org:3478?transport=udp'], 'TURN server');
  const expected = crypto.createHmac('sha1', TURN_SECRET).update(turn.username).digest('base64');
  equal(turn.credential, expected, 'TURN credential');
  const seconds = Number(turn.username.split(':')[0]) - Date.now() / 1000;
  check(seconds > TURN_TTL - 30 && seconds <= TURN_TTL, 'how long the TURN credential lasts', seconds);
  t.step('the TURN credential is one of its own and ends');

  first.socket.terminate();
  const again = await join(focus, first.refreshed);
  equal(again.answer.participant.kind, ParticipantInfo_Kind.AGENT, 'kind after the full reconnect');
  equal(again.answer.participant.kindDetails, [ParticipantInfo_KindDetail.CLOUD_AGENT], 'kind details');
  check(again.answer.room.activeRecording, 'a recorder is in the room', again.answer.room);
  equal(again.answer.room.maxParticipants, 7, 'size of the room, from the token');
  t.step('a full reconnect with it comes back as the same agent');
}
