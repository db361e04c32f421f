import pc from 'picocolors';
import { formatDuration, RateMeter } from '../src/shared/rate-meter.ts';

/** Something that goes on and has an end. */
export interface ProgressItem {
  /** What it is, in a word or two; also tells the items of one view apart. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** How a number of it reads: `1.2 MB`, `7`. */
  readonly format: (value: number) => string;
  /** Stands in place of rate and time left. */
  readonly state?: string;
}

export interface ProgressOutput {
  write(text: string): void;
  /** A terminal, where lines can be drawn anew; elsewhere plain lines are written now and then. */
  readonly live: boolean;
  columns(): number;
  /** Milliseconds, monotonic. */
  now(): number;
}

const BAR_CELLS = 20;
const REDRAW_EVERY_MS = 50;
/** What is over sooner needs no plain lines. */
const PLAIN_AFTER_MS = 2000;
const PLAIN_STEPS = 4;

interface Tracked {
  readonly meter: RateMeter;
  readonly sinceMs: number;
  /** Quarters that were reported as plain lines. */
  reported: number;
}

/** Bars with amount, rate and time left, one line each, on whatever `output` is. */
export class ProgressView {
  readonly #output: ProgressOutput;
  #tracked = new Map<string, Tracked>();
  #drawnLines = 0;
  #drawnMs = -Infinity;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  /** Shows exactly these, in place of what was shown before. */
  show(items: readonly ProgressItem[]): void {
    const nowMs = this.#output.now();
    for (const { label, done } of items) {
      const tracked = this.#tracked.get(label) ?? { meter: new RateMeter(), sinceMs: nowMs, reported: 0 };
      this.#tracked.set(label, tracked);
      tracked.meter.add(done, nowMs);
    }
    if (!this.#output.live) {
      this.#writePlain(items, nowMs);
      return;
    }
    const complete = items.every(({ done, total }) => done >= total);
    if (nowMs - this.#drawnMs < REDRAW_EVERY_MS && this.#drawnLines === items.length && !complete) return;
    this.#drawnMs = nowMs;
    const labelWidth = Math.max(0, ...items.map(({ label }) => label.length));
    this.#draw(items.map((item) => this.#line(item, labelWidth)));
  }

  /** One line of text that replaces itself; nothing where lines cannot be drawn anew. */
  text(text: string): void {
    if (this.#output.live) this.#draw([text]);
  }

  /** Takes the lines away, so that something else can be written. */
  clear(): void {
    if (this.#drawnLines > 0) this.#output.write(this.#erase());
    this.#drawnLines = 0;
    this.#drawnMs = -Infinity;
  }

  /** Clears, and forgets the rates: what comes is another matter. */
  end(): void {
    this.clear();
    this.#tracked = new Map();
  }

  #draw(lines: readonly string[]): void {
    // A line that wraps would count as two when it is drawn anew.
    const columns = Math.max(20, this.#output.columns()) - 1;
    const fitting = lines.map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line));
    this.#output.write(this.#erase() + fitting.map((line) => pc.dim(line)).join('\n'));
    this.#drawnLines = lines.length;
  }

  #erase(): string {
    const up = this.#drawnLines > 1 ? `\u001b[${this.#drawnLines - 1}A` : '';
    return this.#drawnLines > 0 ? `\r${up}\u001b[0J` : '';
  }

  #line(item: ProgressItem, labelWidth: number): string {
    const { label, done, total } = item;
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const filled = Math.floor(share * BAR_CELLS);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
    return `${label.padEnd(labelWidth)}  ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${this.#figures(item)}`;
  }

  #figures({ label, done, total, format, state }: ProgressItem): string {
    const amount = `${format(done)} of ${format(total)}`;
    if (state !== undefined) return `${amount}, ${state}`;
    const { meter } = this.#tracked.get(label)!;
    const rate = meter.perSecond;
    const leftMs = meter.leftMs(total);
    if (rate === undefined || leftMs === undefined || done >= total) return amount;
    // Whole things per second are better said the other way round when they are slow.
    const speed =
      Number.isInteger(total) && rate < 1 ? `${formatDuration(1000 / rate)} each` : `${format(rate)}/s`;
    return `${amount}, ${speed}, ${formatDuration(leftMs)} left`;
  }

  #writePlain(items: readonly ProgressItem[], nowMs: number): void {
    for (const item of items) {
      const tracked = this.#tracked.get(item.label)!;
      const share = item.total > 0 ? Math.min(1, item.done / item.total) : 1;
      const step = Math.floor(share * PLAIN_STEPS);
      if (step <= tracked.reported || nowMs - tracked.sinceMs < PLAIN_AFTER_MS) continue;
      tracked.reported = step;
      this.#output.write(`${item.label}: ${Math.floor(share * 100)} %, ${this.#figures(item)}\n`);
    }
  }
}
