// A TCP relay in front of the focus whose connections can be cut: only signalling passes it, media
// keeps its own way, which is what a dropped WebSocket looks like to both sides.
import net from 'node:net';
import { onCleanup } from './cleanup.mjs';

export class CuttableSignal {
  #pairs = new Set();
  refusing = false;
  accepted = 0;
  answers = [];  // {at, status} of the first answer on each connection, by performance.now()

  static async to(focus) {
    const self = new CuttableSignal();
    const [host, port] = focus.ready.http.split(':');
    const server = net.createServer((near) => self.#relay(near, host, Number(port)));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanup('signal relay', () => {
      self.cut();
      server.close();
    });
    self.wsUrl = `ws://127.0.0.1:${server.address().port}`;
    return self;
  }

  #relay(near, host, port) {
    if (this.refusing) {
      near.destroy();
      return;
    }
    this.accepted += 1;
    const far = net.connect(port, host);
    const pair = [near, far];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('close', end).on('error', end);
    far.once('data', (bytes) => {
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1')) ?? [];
      this.answers.push({ at: performance.now(), status: Number(status) });
    });
    near.pipe(far);
    far.pipe(near);
  }

  cut() {
    for (const pair of this.#pairs) pair.forEach((socket) => socket.destroy());
  }
}
