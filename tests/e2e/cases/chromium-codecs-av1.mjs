// AV1 through the focus: payload descriptors, key frame requests and rewriting.
import { codecCall } from '../lib/codec-call.mjs';

export const about = 'Chromium: cameras in AV1, also for a late viewer';
export const timeoutSeconds = 90;
export const run = (t) => codecCall(t, 'av1');
