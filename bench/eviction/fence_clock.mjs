// How long the focus itself took from a transaction to the acknowledged fence, by its metrics: a sum and a count,
// of which one more shows the latest.
import { Failure, sleep, until } from '../../tests/e2e/lib/expect.mjs';
import { Metrics } from '../../tests/e2e/lib/metrics.mjs';

const NAME = 'fovea_eviction_seconds';
const FENCE_TIMEOUT_MS = 5000;
// A scrape takes time of the thread that evicts; so long it is left alone.
const LOOK_AFTER_MS = 50;

export class FenceClock {
  #url;
  #turn = Promise.resolve();

  constructor(url) { this.#url = url; }

  async #read() {
    const page = await Metrics.scrape(this.#url);
    return { count: page.value(`${NAME}_count`), sum: page.value(`${NAME}_sum`) };
  }

  // {done, fenceMs}: what `evict` returned, and the time of the one fence that it was the cause of. Those who
  // call at once come after each other, or nobody could tell whose fence it was.
  time(evict) {
    const timed = this.#turn.then(() => this.#timeAlone(evict));
    this.#turn = timed.catch(() => {});
    return timed;
  }

  async #timeAlone(evict) {
    const before = await this.#read();
    const done = evict();
    await sleep(LOOK_AFTER_MS);
    const after = await until('the fence is acknowledged', async () => {
      const now = await this.#read();
      return now.count > before.count && now;
    }, { timeoutMs: FENCE_TIMEOUT_MS, everyMs: LOOK_AFTER_MS });
    if (after.count !== before.count + 1) throw new Failure('more than one member was put out');
    return { done, fenceMs: (after.sum - before.sum) * 1000 };
  }
}
