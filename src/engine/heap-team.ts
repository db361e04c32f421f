import type { KernelVariant } from '../kernels/kernel-binary.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { KERNELS, startHeapKernels, type CallableKernels, type KernelCall } from './heap-calls.ts';

/** All that a thread needs to help with what another one computes on its heap. */
export interface HelperStart {
  /** Shared. */
  readonly memory: WebAssembly.Memory;
  readonly variant: KernelVariant;
  /** Shared between all threads of the team: see `TeamWords`. */
  readonly words: SharedArrayBuffer;
  /** Among the helpers, from 0. */
  readonly position: number;
}

/** Another thread, which runs `serveHeap`. */
export interface HeapHelper {
  close(): Promise<void>;
}

/** Starts a helper; resolves when it waits for its first call. */
export type OpenHelper = (start: HelperStart) => Promise<HeapHelper>;

export interface TeamOptions {
  /** That compute together, the engine's own one included: 2 or more. */
  readonly threads: number;
  readonly openHelper: OpenHelper;
  /** Multiply-accumulates below which a kernel runs on one thread. Default: about what waking another one takes. */
  readonly leastMacs?: number;
}

/** Of a Raspberry Pi's core a fifth of a millisecond, of a laptop's 20 µs: what it takes to wake a thread, and some. */
const LEAST_MACS = 500_000;
/** A part of a layer takes seconds at most, on whatever device. */
const MOST_WAIT_MS = 120_000;

const TICKET = 0;
const LEFT = 1;
const FAILED = 2;
const HEADER_WORDS = 4;
/** Which kernel, or nothing, and what it is given. */
const CALL_NUMBERS = 12;
const NOTHING = -1;

/** What the threads of a team tell each other: a ticket for every round, who is left, and each helper's call. */
class TeamWords {
  readonly buffer: SharedArrayBuffer;
  readonly #header: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS);
  }

  static for(helpers: number): TeamWords {
    return new TeamWords(new SharedArrayBuffer(4 * HEADER_WORDS + 8 * CALL_NUMBERS * helpers));
  }

  #numbers(position: number): Float64Array {
    return new Float64Array(this.buffer, 4 * HEADER_WORDS + 8 * CALL_NUMBERS * position, CALL_NUMBERS);
  }

  /** Wakes the helpers; one that is given nothing says at once that it is done. */
  begin(calls: readonly (KernelCall | undefined)[]): void {
    for (const [position, call] of calls.entries()) {
      const numbers = this.#numbers(position);
      numbers[0] = call ? KERNELS.indexOf(call.kernel) : NOTHING;
      if (call) numbers.set(call.args, 1);
    }
    Atomics.store(this.#header, LEFT, calls.length);
    Atomics.add(this.#header, TICKET, 1);
    Atomics.notify(this.#header, TICKET);
  }

  /** @returns whether all have done their part. */
  end(): 'done' | 'failed' | 'late' {
    const endMs = performance.now() + MOST_WAIT_MS;
    for (;;) {
      const left = Atomics.load(this.#header, LEFT);
      if (left === 0) return Atomics.exchange(this.#header, FAILED, 0) === 0 ? 'done' : 'failed';
      const waitMs = endMs - performance.now();
      if (waitMs <= 0) return 'late';
      Atomics.wait(this.#header, LEFT, left, waitMs);
    }
  }

  /** Sleeps until there is another round than `ticket`, whose number it returns. */
  next(ticket: number): number {
    for (;;) {
      Atomics.wait(this.#header, TICKET, ticket);
      const next = Atomics.load(this.#header, TICKET);
      if (next !== ticket) return next;
    }
  }

  callOf(position: number): KernelCall | undefined {
    const [kernel = NOTHING, ...args] = this.#numbers(position);
    const name = KERNELS[kernel];
    return name && ({ kernel: name, args: args.slice(0, ARGUMENTS[name]) } as unknown as KernelCall);
  }

  finish(isDone: boolean): void {
    if (!isDone) Atomics.store(this.#header, FAILED, 1);
    if (Atomics.sub(this.#header, LEFT, 1) === 1) Atomics.notify(this.#header, LEFT);
  }
}

const ARGUMENTS: Readonly<Record<KernelCall['kernel'], number>> = { dense: 10, conv: 11 };

/** Several threads on one heap: each computes a part of what a kernel makes. */
export class HeapTeam {
  readonly threads: number;
  readonly leastMacs: number;
  readonly #own: CallableKernels;
  readonly #words: TeamWords;
  readonly #helpers: readonly HeapHelper[];

  private constructor(
    { threads, leastMacs = LEAST_MACS }: TeamOptions,
    own: CallableKernels,
    words: TeamWords,
    helpers: readonly HeapHelper[],
  ) {
    this.threads = threads;
    this.leastMacs = leastMacs;
    this.#own = own;
    this.#words = words;
    this.#helpers = helpers;
  }

  /**
   * @param memory shared; `own`: the kernels of this thread in it.
   * @throws ENGINE_UNAVAILABLE where a helper does not start; none is left behind.
   */
  static async open(
    options: TeamOptions,
    memory: WebAssembly.Memory,
    own: CallableKernels,
  ): Promise<HeapTeam> {
    const count = options.threads - 1;
    const words = TeamWords.for(count);
    const opened = await Promise.allSettled(
      Array.from({ length: count }, (_, position) =>
        options.openHelper({ memory, variant: own.variant, words: words.buffer, position }),
      ),
    );
    const helpers = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = opened.find((each) => each.status === 'rejected');
    if (!failed) return new HeapTeam(options, own, words, helpers);
    await Promise.all(helpers.map((helper) => helper.close()));
    const cause: unknown = failed.reason;
    throw new PeerceptronError(
      'ENGINE_UNAVAILABLE',
      `a thread that is to help the engine does not start: ${cause instanceof Error ? cause.message : String(cause)}; use fewer threads`,
      { cause },
    );
  }

  /**
   * Runs as many calls as there are threads or fewer, the first one on this thread, which then waits for the others.
   * @throws ENGINE_FAILED
   */
  run([first, ...others]: readonly [KernelCall, ...KernelCall[]]): void {
    this.#words.begin(this.#helpers.map((_, position) => others[position]));
    let outcome: ReturnType<TeamWords['end']>;
    try {
      this.#own.run(first);
    } finally {
      // Nobody may write into the heap any more, whatever happened.
      outcome = this.#words.end();
    }
    if (outcome === 'done') return;
    const what = outcome === 'failed' ? 'failed' : 'does not answer';
    throw new PeerceptronError(
      'ENGINE_FAILED',
      `a thread that helps the engine ${what}; start the engine again`,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.close()));
  }
}

/**
 * Runs the calls of one helper, until its thread is ended. Never resolves: the thread sleeps between calls, and takes no messages.
 * @param onReady called before the first call is waited for.
 */
export async function serveHeap(
  { memory, variant, words, position }: HelperStart,
  onReady: () => void,
): Promise<never> {
  const kernels = await startHeapKernels(memory, [variant]);
  if (!kernels) throw new Error(`this thread cannot run the ${variant} build of the kernels`);
  const shared = new TeamWords(words);
  onReady();
  for (let ticket = shared.next(0); ; ticket = shared.next(ticket)) {
    shared.finish(succeeds(() => run(kernels, shared.callOf(position))));
  }
}

const run = (kernels: CallableKernels, call: KernelCall | undefined): void => {
  if (call) kernels.run(call);
};

/** The thread that waits is told that this one has failed, and says so. */
function succeeds(body: () => void): boolean {
  try {
    body();
    return true;
  } catch {
    return false;
  }
}
