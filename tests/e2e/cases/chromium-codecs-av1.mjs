// AV1 through the focus: payload descriptors, key frame requests and rewriting.
import { codecCall } from '../lib/codec-call.mjs';

export const about = 'Chromium: cameras in AV1, also for a late viewer';
export const timeoutSeconds = 90;
// Bob's livekit-client 2.21 asks for no dependency descriptor where it only receives, and without it Chromium
// decodes no AV1 of several layers: he gets the lowest.
export const run = (t) => codecCall(t, 'av1');
