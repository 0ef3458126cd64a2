// rtc.use_external_ip: what STUN servers see is what clients are offered first; without an answer the focus starts too.
import dgram from 'node:dgram';
import { onCleanup } from '../lib/cleanup.mjs';
import { stunServer } from '../lib/doctor.mjs';
import { atMost, check, equal } from '../lib/expect.mjs';
import { NativePeer } from '../lib/native.mjs';
import { joinOffers } from '../lib/join-offers.mjs';

export const about = 'rtc.use_external_ip: a STUN server is asked at start; without an answer it starts all the same';
export const timeoutSeconds = 60;

export async function run(t) {
  const seeing = await stunServer('203.0.113.9');
  const rtc = { use_external_ip: true, enable_loopback_candidate: true, node_ip: '', stun_servers: [seeing] };
  const focus = await t.focus({ config: { rtc } });
  const offered = await joinOffers(focus);
  equal(offered[0], '203.0.113.9', 'the first address that clients are offered');
  check(offered.includes('127.0.0.1'), "the machine's own addresses are offered, too", offered);
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => NativePeer.join(focus, name)));
  await alice.publishTone();
  await bob.seesMedia('alice', 'microphone');
  t.step(`clients are offered ${offered.join(', ')}, and connect`);

  const only = await t.focus({ config: { rtc: { ...rtc, external_ip_only: true } } });
  equal(await joinOffers(only), ['203.0.113.9'], 'with external_ip_only');
  const hidden = await t.focus({ config: { rtc: { ...rtc, advertise_internal_ip: false } } });
  equal(await joinOffers(hidden), ['203.0.113.9'], 'without advertise_internal_ip');

  const deaf = dgram.createSocket('udp4');
  await new Promise((resolve) => deaf.bind(0, '127.0.0.1', resolve));
  onCleanup('a STUN server that never answers', () => deaf.close());
  const began = Date.now();
  const started = await t.focus({
    config: { rtc: { ...rtc, stun_servers: [`127.0.0.1:${deaf.address().port}`] } },
  });
  atMost(Date.now() - began, 10000, 'ms until it started without an answer');
  check(!(await joinOffers(started)).includes('203.0.113.9'), 'an address from nowhere');
  check(/no answer from STUN server/.test(started.tail()), 'it does not say so', started.tail());
  t.step('without an answer it says so and starts');
}
