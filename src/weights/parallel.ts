import { PeerceptronError } from '../shared/errors.ts';

/**
 * Runs `step` in `count` loops until it resolves to `false`; the first failure stops the others and is thrown after all
 * have ended, so that nothing goes on behind the caller's back.
 */
export async function inParallel(
  count: number,
  signal: AbortSignal | undefined,
  step: (stop: AbortSignal) => Promise<boolean>,
): Promise<void> {
  // By hand, because not every phone's browser knows `AbortSignal.any`.
  const stop = new AbortController();
  const pass = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass, { once: true });
  let failure: { readonly thrown: unknown } | undefined;
  const loop = async (): Promise<void> => {
    try {
      while (!stop.signal.aborted && (await step(stop.signal)));
    } catch (thrown) {
      failure ??= { thrown };
      stop.abort();
    }
  };
  try {
    await Promise.all(Array.from({ length: count }, loop));
  } finally {
    signal?.removeEventListener('abort', pass);
  }
  signal?.throwIfAborted();
  if (failure) throw failure.thrown;
}

/** The same error, naming the tensor that could not be read, where it does not yet. */
export function withTensor(error: PeerceptronError, tensor: string): PeerceptronError {
  if (error.details['tensor'] !== undefined) return error;
  return new PeerceptronError(error.code, `weight tensor '${tensor}': ${error.message}`, {
    cause: error.cause ?? error,
    details: { ...error.details, tensor },
  });
}

/** At most `limit` at a time; the others wait in their order. */
export class Turnstile {
  readonly #limit: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves to what lets the next one in. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#inside < this.#limit) {
      this.#inside += 1;
      return this.#exit();
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(enter);
    });
    return this.#exit();
  }

  /** The place is handed on, not given back and taken again: nobody can push in. */
  #exit(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside -= 1;
    };
  }
}
