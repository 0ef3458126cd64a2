// The oldest that people still run: old signalling path, discovery by .well-known alone.
import { olderElementCallStory } from '../lib/element-call-story.mjs';

export const about = 'Element Call 0.16 through Synapse, the focus found in .well-known';
export const timeoutSeconds = 90;

export const run = (t) => olderElementCallStory(t, '0.16');
