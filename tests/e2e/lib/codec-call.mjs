// Two pages, one video codec: it is what was asked for, it is decoded, and a key frame on demand
// lets a late viewer in. Bob has the library that Element Call ships, the others the newest.
import { equal } from './expect.mjs';
import { everyoneSeesEveryone } from './peer.mjs';

// `focus` is one that runs already; whatever else is given goes to each join.
export async function codecCall(t, videoCodec, { focus, ...join } = {}) {
  focus ??= await t.focus();
  const publish = { camera: { publish: { videoCodec, backupCodec: false } } };
  const alice = await t.joined(focus, 'alice', { ...join, publish });
  const bob = await t.joined(focus, 'bob', { ...join, page: { client: '221' }, publish });
  await everyoneSeesEveryone([alice, bob]);
  const mime = `video/${videoCodec}`.toLowerCase();
  for (const [peer, other] of [[alice, bob], [bob, alice]]) {
    const row = await peer.inboundOf(other.name, 'camera');
    equal(row.codec.toLowerCase(), mime, `codec ${peer.name} decodes`);
  }
  const carol = await t.joined(focus, 'carol', join);
  await carol.seesMedia('alice', 'camera');
  await carol.seesMedia('bob', 'camera');
  t.step(`${videoCodec} decoded by two and by a late third`);
  return [alice, bob, carol];
}
