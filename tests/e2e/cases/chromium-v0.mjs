// Two peer connections (/rtc), which every SDK but the newest JavaScript one uses; bob has the older version.
export const about = 'Chromium with singlePeerConnection off: the same call over /rtc';
export const timeoutSeconds = 120;

export async function run(t) {
  const { twoPageCall } = await import('../lib/two-page-call.mjs');
  await twoPageCall(t, {
    client: '223', bobs: '221', roomOptions: { singlePeerConnection: false }, path: '/rtc',
  });
}
