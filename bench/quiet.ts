import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './benchmark.ts';

/** So many times as long as ever is what a machine takes that does something else as well: two threads of one core take each other up to half of their time. */
const BUSY = 1.6;
const RUNS = 12;
/** Looks, so far apart: a neighbour that comes and goes within a second is always there. */
const LOOKS = 5;
const BETWEEN_MS = 250;
const LOOK_AGAIN_MS = 2_000;
const PATIENCE_MS = 90_000;
/** What was measured tidies up: engines of which nothing is left make room for others. */
const SETTLE_MS = 2_500;

const numbers = new Float32Array(2 ** 20).fill(1.5);

/** Some 2 ms of arithmetic, a third of it waiting for memory. */
function work(): number {
  const since = performance.now();
  let sum = 0;
  for (let i = 0; i < numbers.length; i += 2) sum += numbers[i]! * numbers[(i * 7) & (numbers.length - 1)]!;
  numbers[0] = 1.5 + sum * 1e-30;
  return performance.now() - since;
}

const look = (): number => median(Array.from({ length: RUNS }, work));

/**
 * Whether this machine does nothing else. Virtual machines share processors and memory with others, which show nowhere but in how
 * long things take: the same work is timed again and again, and what it took at the least is what it takes undisturbed.
 */
export class Quiet {
  #leastMs = Infinity;

  constructor() {
    // Until the code is compiled for speed.
    for (let count = 0; count < 20; count++) this.#leastMs = Math.min(this.#leastMs, look());
  }

  async isBusy(): Promise<boolean> {
    const looks: number[] = [];
    for (let count = 0; count < LOOKS; count++) {
      if (count > 0) await sleep(BETWEEN_MS);
      looks.push(look());
    }
    this.#leastMs = Math.min(this.#leastMs, ...looks);
    return median(looks) > BUSY * this.#leastMs;
  }

  /** Waits until the machine is quiet, at most a minute and a half. */
  async wait(say: (line: string) => void): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (let told = false; await this.isBusy(); told = true) {
      if (!told) say('this machine does something else as well: waiting');
      if (performance.now() > untilMs) return say('it still does');
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** What `measure` finds while the machine does nothing else: where it did, once more. */
  async measured<T>(say: (line: string) => void, measure: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.wait(say);
      const found = await measure();
      if (attempt === 2) return found;
      await sleep(SETTLE_MS);
      if (!(await this.isBusy())) return found;
      say('meanwhile this machine did something else as well: once more');
    }
  }
}
