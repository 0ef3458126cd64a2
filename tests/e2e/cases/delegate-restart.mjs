// Jobs of delegated leave survive SIGKILL: those that expired meanwhile are gone before the service
// says it is healthy, the others go on.
import { check, equal, sleep } from '../lib/expect.mjs';
import { ExternalWorld, ROUTES } from '../lib/external-world.mjs';

export const about = 'Delegated leave across SIGKILL, with jobs in Redis as lk-jwt-service keeps them';
export const timeoutSeconds = 60;

export async function run(t) {
  for (const route of ROUTES) {
    await survives(t, route);
    await expires(t, route);
  }
}

async function survives(t, route) {
  const world = await ExternalWorld.start(t, { redis: true });
  const alice = world.hs.user('alice');
  const place = await world.delegate(route, alice, 'kept');
  await world.webhook('participant_joined', place);
  await world.called('restart kept');
  const [[field, value]] = [...world.redis.jobs];
  equal(JSON.parse(field), [place.room, place.identity], 'field of the job');
  const { Params: params, RestartedAt: restarted } = JSON.parse(value);
  equal([params.DelayId, params.DelayTimeout, params.ServerName, params.LiveKitRoom, params.LiveKitIdentity],
    ['kept', 3600000 * 1e6, world.hs.name, place.room, place.identity], 'the stored job');
  check(Math.abs(Date.parse(restarted) - Date.now()) < 60000, 'time of the restart', restarted);
  await world.kill();
  world.hs.calls.length = 0;
  await world.boot();
  equal(world.redis.jobs.size, 1, 'jobs after the restart');
  world.sfu.present.add(`${place.room} ${place.identity}`);
  await world.called('restart kept', 5000);
  await world.webhook('participant_left', place, { disconnectReason: 'CLIENT_INITIATED' });
  await world.called('send kept');
  await world.unstored();
  await world.kill();
  t.step(`${route}: resumed`);
}

async function expires(t, route) {
  const world = await ExternalWorld.start(t, { redis: true });
  await world.delegate(route, world.hs.user('alice'), 'old', 500);
  await world.kill();
  equal(world.redis.jobs.size, 1, 'jobs after the kill');
  await sleep(600);
  await world.boot();
  equal(world.redis.jobs.size, 0, 'expired jobs once the service is healthy');
  await sleep(1000);
  world.quiet('the homeserver has sent it itself');
  await world.kill();
  t.step(`${route}: purged`);
}
