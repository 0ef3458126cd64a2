// A device that is logged out, or deleted from elsewhere, is out of the call; the user's other devices stay.
import { DisconnectReason } from '@livekit/rtc-node';
import { Skip, check, equal, until } from '../lib/expect.mjs';
import { focusKind } from '../lib/matrix-focus.mjs';
import { MatrixUser } from '../lib/matrix-user.mjs';
import { MatrixWorld } from '../lib/matrix-world.mjs';
import { NativePeer } from '../lib/native.mjs';
import { post } from '../lib/openid-server.mjs';

export const about = 'a device logged out in Synapse is put out of the call at once, and no other device';
export const timeoutSeconds = 60;

export async function run(t) {
  if (focusKind !== 'fovea') throw new Skip('only Fovea asks about devices');
  const world = await MatrixWorld.start(t, { encrypted: false, deviceLists: true });
  const { alice, bob } = world.users;
  const tablet = new MatrixUser(bob.url, bob.id, bob.password);
  await tablet.login('TABLET');

  const tokenOf = async (user, device = user.device) => {
    const answer = await post(world.focus, '/sfu/get', {
      room: world.room, device_id: device, openid_token: await user.openId(),
    });
    equal(answer.status, 200, `a token for ${device} (${answer.text})`);
    return answer.jwt;
  };
  const join = async (user, device) => {
    const jwt = await tokenOf(user, device);
    const peer = await NativePeer.join(world.focus, `${user.localpart} on ${device}`, { token: jwt });
    return Object.assign(peer, { jwt });
  };
  const [host, phone, gone] = [await join(alice), await join(bob), await join(tablet)];
  // Nobody makes a client name its real device.
  const invented = await join(bob, 'INVENTED');
  const asked = (device) => world.synapse.tail(2000).includes(`/devices/${device}?`);
  await until('the focus has asked about each device', () => (
    ['TABLET', 'INVENTED', bob.device].every(asked)));
  t.step('three devices of bob are in the call, one of them an invention');

  const started = Date.now();
  await tablet.call('POST', '/_matrix/client/v3/logout', {});
  const { args: [reason] } = await gone.event('disconnected');
  t.figure('from the logout to the last of it, ms', Date.now() - started);
  equal(reason, DisconnectReason.PARTICIPANT_REMOVED, 'the reason that the client is told');
  const validate = (jwt) => fetch(`${world.focus.httpUrl}/rtc/validate?access_token=${jwt}`);
  equal((await validate(gone.jwt)).status, 401, 'status of its token');
  t.step('the device that was logged out is out, and its token is refused');

  await alice.send(world.room, 'm.room.message', { msgtype: 'm.text', body: 'still here?' });
  for (const peer of [host, phone, invented]) check(peer.room.isConnected, `${peer.name} is out, too`);
  equal((await validate(phone.jwt)).status, 200, "status of the token of bob's other device");
  await tablet.login('TABLET');
  const fresh = await tokenOf(tablet);
  equal((await validate(fresh)).status, 200, 'status of a token after logging in again');
  t.step('the others stay, and the device is welcome when it is logged in again');
}
