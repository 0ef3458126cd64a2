// The same call with the library version that Element Call ships.
export const about = 'Chromium, livekit-client 2.21: the same call';
export const timeoutSeconds = 120;

export async function run(t) {
  const { twoPageCall } = await import('../lib/two-page-call.mjs');
  await twoPageCall(t, { client: '221' });
}
