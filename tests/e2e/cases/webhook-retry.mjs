// A receiver that fails for a while gets every webhook in the end, in order.
import { equal } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';
import { Webhooks } from '../lib/webhooks.mjs';

export const about = 'webhooks are retried in order while the receiver fails';
export const timeoutSeconds = 60;

export async function run(t) {
  const hooks = await Webhooks.listen();
  const focus = await t.focus({ config: hooks.config });
  hooks.failures = 2;
  const alice = await NativePeer.join(focus, 'alice');
  await hooks.event('participant_joined');
  equal(hooks.names(), ['room_started', 'participant_joined'], 'webhooks after two failures');
  await alice.leave();
  const left = await hooks.event('participant_left');
  equal(left.participant.disconnectReason, 1, 'reason of a deliberate leave (CLIENT_INITIATED)');
  t.step('two failed deliveries were repeated, nothing overtook them');
}
