// Five per cent random loss in both directions: retransmission keeps the picture moving, for Chromium and
// for Firefox, whose picture Chromium gets too.
import { atLeast, check, sleep } from '../lib/expect.mjs';
import { Firefox } from '../lib/firefox.mjs';
import { lossCounters, namespaces, setLoss } from '../lib/netns.mjs';

export const about = '5 % loss both ways: decoded frame rate at least 80 % of the clean one, in Chromium and Firefox';
export const timeoutSeconds = 150;
export const needsNamespaces = true;

const LOSS_PERMILLE = 50;
const MEASURE_MS = 10000;
const SHARE_MIN = 0.8;
const CLEAN_MIN = 8;  // below, the machine is what is measured

export async function run(t) {
  const here = namespaces();
  const focus = await t.focus({ address: here.serverIp, netns: here.server });
  const alice = await t.joined(focus, 'alice', { publish: true });
  const bob = await t.joined(focus, 'bob', { publish: true });
  const fox = await (await Firefox.launch()).page('fox');
  await fox.join(focus);
  await fox.publish();
  const views = [[bob, 'alice'], [alice, 'bob'], [fox, 'alice'], [alice, 'fox']];
  for (const [viewer, other] of views) await viewer.seesMedia(other, 'camera');
  await sleep(2000);

  const clean = await ratesOf(views);
  figures(t, 'frames per second without loss', views, clean);
  views.forEach(([viewer, other], i) => (
    atLeast(clean[i], CLEAN_MIN, `${viewer.name}'s frames per second of ${other} without loss`)));
  setLoss(here, LOSS_PERMILLE);
  await sleep(2000);
  const lossy = await ratesOf(views);
  figures(t, 'frames per second with 5 % loss', views, lossy);

  const dropped = lossCounters(here);
  t.figure('datagrams dropped towards clients and focus', `${dropped.client} and ${dropped.server}`);
  check(dropped.client > 20 && dropped.server > 20, 'the loss was not real', dropped);
  for (const [viewer, other] of views) await asksAgain(t, viewer, other);
  views.forEach(([viewer, other], i) => (
    atLeast(lossy[i], clean[i] * SHARE_MIN, `${viewer.name}'s frames per second of ${other} under loss`)));
  await bob.seesMedia('alice', 'microphone');
  await fox.seesMedia('alice', 'microphone');
}

const ratesOf = (views) => Promise.all(views.map(([viewer, other]) => (
  viewer.framesPerSecond(other, 'camera', MEASURE_MS))));

function figures(t, name, views, rates) {
  t.figure(name, views.map(([viewer, other], i) => `${viewer.name} of ${other} ${rates[i].toFixed(1)}`).join(', '));
}

async function asksAgain(t, viewer, other) {
  const row = await viewer.inboundOf(other, 'camera');
  t.figure(`${viewer.name} of ${other}: NACKs, repaired packets, freezes, s frozen`,
    `${row.nacks}, ${row.recovered ?? 'n/a'}, ${row.freezes ?? 'n/a'}, ${row.frozenS ?? 'n/a'}`);
  atLeast(row.nacks, 1, `NACKs sent by ${viewer.name} for ${other}`);
}
