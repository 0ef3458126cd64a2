// Five per cent random loss in both directions: retransmission keeps the picture moving.
import { atLeast, check, sleep } from '../lib/expect.mjs';
import { lossCounters, namespaces, setLoss } from '../lib/netns.mjs';

export const about = '5 % loss both ways: decoded frame rate at least 80 % of the clean one';
export const timeoutSeconds = 120;
export const needsNamespaces = true;

const LOSS_PERMILLE = 50;
const MEASURE_MS = 10000;
const SHARE_MIN = 0.8;

export async function run(t) {
  const here = namespaces();
  const focus = await t.focus({ address: here.serverIp, netns: here.server });
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  await bob.seesMedia('alice', 'camera');
  await alice.seesMedia('bob', 'camera');
  await sleep(2000);

  const clean = await bothRates(alice, bob);
  t.figure('frames per second without loss', clean.map((r) => r.toFixed(1)).join(' and '));
  setLoss(here, LOSS_PERMILLE);
  await sleep(2000);
  const lossy = await bothRates(alice, bob);
  t.figure('frames per second with 5 % loss', lossy.map((r) => r.toFixed(1)).join(' and '));

  const dropped = lossCounters(here);
  t.figure('datagrams dropped towards clients and focus', `${dropped.client} and ${dropped.server}`);
  check(dropped.client > 20 && dropped.server > 20, 'the loss was not real', dropped);
  for (const [viewer, other] of [[bob, 'alice'], [alice, 'bob']]) {
    const row = await viewer.inboundOf(other, 'camera');
    t.figure(`${viewer.name}: NACKs, repaired packets, freezes, s frozen`,
      `${row.nacks}, ${row.recovered ?? 'n/a'}, ${row.freezes}, ${row.frozenS}`);
    atLeast(row.nacks, 1, `NACKs sent by ${viewer.name}`);
  }
  lossy.forEach((rate, i) => atLeast(rate, clean[i] * SHARE_MIN, 'frames per second under loss'));
  await bob.seesMedia('alice', 'microphone');
}

function bothRates(alice, bob) {
  return Promise.all([
    bob.framesPerSecond('alice', 'camera', MEASURE_MS),
    alice.framesPerSecond('bob', 'camera', MEASURE_MS),
  ]);
}
