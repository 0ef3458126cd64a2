// The call that shipped Element clients make today: legacy membership state, per-participant
// encryption, a real Synapse between them.
import { elementCallStory } from '../lib/element-call-story.mjs';

export const about = 'Element Call 0.26, mode compatibility, through Synapse: three people, one is kicked';
export const timeoutSeconds = 120;

export const run = (t) => elementCallStory(t, { mode: 'compatibility' });
