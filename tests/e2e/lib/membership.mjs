// The membership that Element clients of today write: legacy state, one event for each device.
export const MEMBER = 'org.matrix.msc3401.call.member';

export const memberKey = (userId, device) => `_${userId}_${device}_m.call`;

export const membership = ({ device, roomId, serviceUrl }) => ({
  application: 'm.call', call_id: '', scope: 'm.room', device_id: device, expires: 14400000,
  focus_active: { type: 'livekit', focus_selection: 'multi_sfu' },
  foci_preferred: [{ type: 'livekit', livekit_service_url: serviceUrl, livekit_alias: roomId }],
});
