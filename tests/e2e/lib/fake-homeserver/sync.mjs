// GET /sync of the fake homeserver: joined rooms with state_after (MSC4222) and sticky events (MSC4354),
// rooms just left, and long polling. A token is the number of events this homeserver has seen.

const since = (request) => Number(request.query.get('since')?.slice(1) ?? -1);

function roomAnswer(room, from, hs) {
  const fresh = room.timeline.filter((event) => hs.orderOf(event) > from);
  const inTimeline = new Set(fresh.map((event) => event.event_id));
  const state = from < 0 ? [...room.state.values()] : hs.stateChangedSince(room, from);
  const sticky = from < 0 ? room.stickyEvents().filter((event) => !inTimeline.has(event.event_id)) : [];
  return {
    timeline: { events: fresh, limited: false, prev_batch: 's0' },
    'org.matrix.msc4222.state_after': { events: state },
    ...(sticky.length && { msc4354_sticky: { events: sticky } }),
    ephemeral: { events: [] },
    account_data: { events: [] },
  };
}

function collect(hs, request, from) {
  const answer = { next_batch: `s${hs.order}`, rooms: { join: {}, leave: {}, invite: {} } };
  for (const room of hs.rooms.values()) {
    const body = roomAnswer(room, from, hs);
    const changed = from < 0 || body.timeline.events.length
      || body['org.matrix.msc4222.state_after'].events.length;
    const membership = room.membership(request.user);
    if (membership === 'join' && changed) answer.rooms.join[room.id] = body;
    const left = body.timeline.events.some((event) => (
      event.type === 'm.room.member' && event.state_key === request.user));
    if (['leave', 'ban'].includes(membership) && left) answer.rooms.leave[room.id] = body;
  }
  return answer;
}

export async function syncAnswer(hs, request) {
  const from = since(request);
  const deadline = Date.now() + Math.min(Number(request.query.get('timeout') ?? 0), 30000);
  for (;;) {
    const answer = collect(hs, request, from);
    const news = Object.keys(answer.rooms.join).length + Object.keys(answer.rooms.leave).length;
    if (from < 0 || news || Date.now() >= deadline) return answer;
    await hs.nextEvent(deadline - Date.now());
  }
}
