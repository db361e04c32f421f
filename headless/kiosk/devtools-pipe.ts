import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../src/shared/clock.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

export interface DevtoolsEvent {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
}

export interface CallOptions {
  /** The page that it is for; absent: the browser. */
  readonly sessionId?: string;
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly resolve: (result: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: PeerceptronError) => void;
  readonly cancelTimeout: () => void;
}

const ANSWER_TIMEOUT_MS = 15_000;

/** Drives a Chromium by its DevTools protocol over a pair of pipes (`--remote-debugging-pipe`): JSON messages that end with a zero. */
export class DevtoolsPipe {
  onEvent: (event: DevtoolsEvent) => void = () => undefined;
  readonly #toBrowser: Writable;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #latest = 0;
  #received = '';
  #closed: PeerceptronError | undefined;

  constructor(streams: {
    readonly fromBrowser: Readable;
    readonly toBrowser: Writable;
    readonly clock: Clock;
  }) {
    const { fromBrowser, toBrowser, clock } = streams;
    this.#toBrowser = toBrowser;
    this.#clock = clock;
    fromBrowser.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    for (const stream of [fromBrowser, toBrowser]) {
      stream.on('error', () => this.#close());
      stream.on('close', () => this.#close());
    }
  }

  /** Rejects where the browser refuses, does not answer in time, or ends. */
  call(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
    { sessionId, timeoutMs = ANSWER_TIMEOUT_MS }: CallOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      const id = ++this.#latest;
      const cancelTimeout = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(failure(`Chromium has not answered ${method} within ${timeoutMs / 1000} s`));
      });
      this.#waiting.set(id, { resolve, reject, cancelTimeout });
      this.#toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #receive(text: string): void {
    const parts = (this.#received + text).split('\0');
    this.#received = parts.pop()!;
    for (const part of parts) this.#take(JSON.parse(part) as Incoming);
  }

  #take(message: Incoming): void {
    if (message.id === undefined) {
      const { method, params = {}, sessionId } = message;
      if (method !== undefined) this.onEvent({ method, params, ...(sessionId ? { sessionId } : {}) });
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    waiting.cancelTimeout();
    if (message.error) waiting.reject(failure(message.error.message));
    else waiting.resolve(message.result ?? {});
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = failure('Chromium has ended');
    for (const { reject, cancelTimeout } of this.#waiting.values()) {
      cancelTimeout();
      reject(this.#closed);
    }
    this.#waiting.clear();
  }
}

/** The browser's word is taken: it is a program of this user. */
interface Incoming {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

const failure = (message: string): PeerceptronError => new PeerceptronError('INTERNAL', message);
