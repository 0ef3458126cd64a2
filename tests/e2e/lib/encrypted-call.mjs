// What everybody in a call with end-to-end encryption must see.
import { equal } from './expect.mjs';

export const e2eeKey = 'the key of the room';

export async function allIsEncrypted(everyone) {
  for (const peer of everyone) {
    for (const track of (await peer.state()).others.flatMap((p) => p.tracks)) {
      equal(track.encrypted, true, `${peer.name} has ${track.source} marked encrypted`);
    }
  }
}

// Since they joined. One changed byte is one of them: the frame does not authenticate.
export async function nobodySawAnEncryptionError(everyone) {
  for (const peer of everyone) {
    equal(await peer.call('encryptionErrors'), [], `encryption errors that ${peer.name} saw`);
  }
}
