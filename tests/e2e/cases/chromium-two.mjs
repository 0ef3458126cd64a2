// The first call: two Chromium pages see, hear, mute, share and leave; a third comes late.
export const about = 'Chromium, livekit-client 2.23, one peer connection: a whole call of two, then three';
export const timeoutSeconds = 120;

export async function run(t) {
  const { twoPageCall } = await import('../lib/two-page-call.mjs');
  await twoPageCall(t, { client: '223' });
}
