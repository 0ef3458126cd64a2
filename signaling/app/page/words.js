// Words for what goes wrong: what happened, and what the person can do about it.

const mediaProblems = {
  NotFoundError: (what) => `No ${what} was found on this machine.`,
  NotAllowedError: (what) => `The browser was told not to use the ${what}; allow it beside the address.`,
  NotReadableError: (what) => `The ${what} cannot be opened; another program may be using it.`,
  OverconstrainedError: (what) => `The ${what} cannot deliver the picture that was asked for.`,
};

export function mediaProblem(error, what) {
  if (!window.isSecureContext) {
    return `Browsers lend a ${what} only to https pages and to localhost; this page is ${location.origin}.`;
  }
  return mediaProblems[error.name]?.(what) ?? `The ${what} failed: ${error.message}`;
}

export function connectProblem(error) {
  const { NotAllowed, ServerUnreachable, WebSocket: Socket } = window.LivekitClient.ConnectionErrorReason;
  if (/pc connection|ice|timed out/i.test(error.message)) {
    return 'Signalling works, but no media path came up. Is the UDP port of the focus (7882 unless '
      + 'configured) reachable from this browser?';
  }
  if (error.reason === NotAllowed) return `The focus refused the token: ${error.message}`;
  if (error.reason === ServerUnreachable || error.reason === Socket) {
    return `The focus at ${location.host} does not answer. Is it still running?`;
  }
  return `Could not join: ${error.message}`;
}

export const goodbyes = {
  DUPLICATE_IDENTITY: 'This identity joined from somewhere else.',
  SERVER_SHUTDOWN: 'The focus was shut down.',
  PARTICIPANT_REMOVED: 'You were removed from the call.',
  ROOM_DELETED: 'The room was deleted.',
  ROOM_CLOSED: 'The room was closed.',
};
