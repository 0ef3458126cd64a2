// H264 through the focus: payload descriptors, key frame requests and rewriting.
import { codecCall } from '../lib/codec-call.mjs';

export const about = 'Chromium: cameras in H264, also for a late viewer';
export const timeoutSeconds = 90;
export const run = (t) => codecCall(t, 'h264');
