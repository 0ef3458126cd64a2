// The same with what comes next: sticky membership, encrypted, and hashed identities.
import { elementCallStory } from '../lib/element-call-story.mjs';

export const about = 'Element Call 0.26, mode matrix_2_0, through Synapse: three people, one is kicked';
export const timeoutSeconds = 120;

export const run = (t) => elementCallStory(t, { mode: 'matrix_2_0' });
