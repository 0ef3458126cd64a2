// A native client in a process of its own, so that it can be killed. GUEST_URL and GUEST_TOKEN say where.
import { NativePeer } from './native.mjs';

const { GUEST_URL: url, GUEST_TOKEN: token } = process.env;
const peer = await NativePeer.join(null, 'guest', { url, token });
await peer.publishVideo({ width: 160, height: 90, fps: 15 });
