// Shipped until the middle of 2026, and installed for long after.
import { olderElementCallStory } from '../lib/element-call-story.mjs';

export const about = 'Element Call 0.22 through Synapse, the focus found in .well-known';
export const timeoutSeconds = 90;

export const run = (t) => olderElementCallStory(t, '0.22');
