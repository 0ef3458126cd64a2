// The addresses that somebody who joins over two connections is offered, by priority.
import { SignalResponse } from '@livekit/protocol';
import { WebSocket } from 'ws';
import { onCleanup } from './cleanup.mjs';

export async function joinOffers(focus, { timeoutMs = 5000 } = {}) {
  const query = new URLSearchParams({
    access_token: focus.token('asker', 'asking'), protocol: '15', auto_subscribe: '0',
  });
  const socket = new WebSocket(`${focus.wsUrl}/rtc?${query}`);
  onCleanup('who asks for candidates', () => socket.terminate());
  const found = new Map();
  await new Promise((resolve, reject) => {
    const tooLate = setTimeout(() => reject(new Error('the candidates did not come')), timeoutMs);
    socket.on('error', reject);
    socket.on('message', (data) => {
      const { message } = SignalResponse.fromBinary(data);
      if (message.case !== 'trickle') return;
      const { candidateInit, final } = message.value;
      const words = (JSON.parse(candidateInit || '{}').candidate ?? '').split(' ');
      if (words.length > 5) found.set(words[4], Number(words[3]));
      if (!final) return;
      clearTimeout(tooLate);
      resolve();
    });
  });
  socket.close();
  return [...found].sort((a, b) => b[1] - a[1]).map(([address]) => address);
}
