import type { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import {
  otherRange,
  replaced,
  requestRange,
  unavailable,
  type RangeAnswer,
  type RangeBody,
} from './http-range.ts';
import { Turnstile } from './parallel.ts';

export interface HttpBytesOptions {
  /** Where a policy (allowed origins, no redirects elsewhere) is put in; `fetch` when absent. */
  readonly fetch?: typeof fetch;
  /** Where small files of servers that ignore Range are kept; one of 16 MiB for all sources when absent. */
  readonly wholeFiles?: WholeFiles;
  /**
   * Called after every few megabytes, where a program can have garbage collected: each chunk from the network is a buffer of its
   * own, and engines let tens of megabytes of them pile up before they look.
   */
  readonly collect?: () => void;
  /** Waits between attempts; by timers when absent. */
  readonly pause?: (delayMs: number, signal?: AbortSignal) => Promise<void>;
}

/** Attempts in a row without a single new byte. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;
/** Of all sources together, as what they leave behind lies in one heap. */
const COLLECT_BYTES = 3 * 1024 * 1024;
let garbage = 0;
/** Of all sources together; browsers have the same limit. */
const REQUESTS_PER_ORIGIN = 6;

/**
 * A file on a server, read by Range requests. A connection that breaks is resumed at the byte that it broke at, and a server with
 * a problem is asked again, later each time. From one that ignores Range a small file is taken once and kept for a while; of a
 * larger one what lies before the range is read past, and nothing is held.
 */
export function httpBytes(url: string, options: HttpBytesOptions = {}): ByteSource {
  return new HttpSource(url, options);
}

class HttpSource implements ByteSource {
  readonly name: string;
  readonly #fetch: typeof fetch;
  readonly #wholeFiles: WholeFiles;
  readonly #pause: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  readonly #turnstile: Turnstile;
  readonly #collect: (() => void) | undefined;
  #sizeBytes: number | undefined;
  #validator: string | undefined;
  /** A server that was never heard of is not waited for: its address may be wrong. */
  #answered = false;

  constructor(url: string, options: HttpBytesOptions) {
    this.name = url;
    // Called as a bare function: `fetch` refuses to be called as a method of something else.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#wholeFiles = options.wholeFiles ?? sharedWholeFiles;
    this.#pause = options.pause ?? pauseByTimer;
    this.#turnstile = turnstileOf(url);
    this.#collect = options.collect;
  }

  async size(signal?: AbortSignal): Promise<number> {
    if (this.#sizeBytes !== undefined) return this.#sizeBytes;
    const request = this.#fetch;
    const head = await request(this.name, { method: 'HEAD', ...(signal ? { signal } : {}) }).catch(
      () => undefined,
    );
    signal?.throwIfAborted();
    // A compressed response tells the size of what travels, not of the file.
    const length =
      head?.ok && !head.headers.get('content-encoding') ? head.headers.get('content-length') : null;
    if (length !== null && length !== undefined && /^\d{1,15}$/.test(length))
      return (this.#sizeBytes = Number(length));
    await this.read(0, 1, signal);
    if (this.#sizeBytes !== undefined) return this.#sizeBytes;
    throw unavailable(
      this.name,
      'the server does not tell the size of the file: let it send Content-Length, and expose Content-Range to other origins',
    );
  }

  async read(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of this.stream(offsetBytes, lengthBytes, signal)) {
      chunks.push(chunk);
      received += chunk.length;
    }
    if (chunks.length === 1) return chunks[0]!;
    const bytes = new Uint8Array(received);
    let filled = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    return bytes;
  }

  async *stream(
    offsetBytes: number,
    lengthBytes: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, undefined> {
    signal?.throwIfAborted();
    const endBytes = offsetBytes + lengthBytes;
    let at = offsetBytes;
    for (let failures = 0; at < endBytes;) {
      const kept = this.#wholeFiles.get(this);
      if (kept) {
        if (at < kept.length) yield kept.subarray(at, endBytes);
        return;
      }
      const leave = await this.#turnstile.enter(signal);
      let failure: Failure | undefined;
      try {
        signal?.throwIfAborted();
        const range = { startBytes: at, endBytes, validator: this.#validator };
        const answer = await requestRange(this.#fetch, this.name, range, signal);
        if (answer.state === 'past-end') return;
        if (answer.state === 'partial' || answer.state === 'whole') {
          const before = at;
          this.#remember(answer);
          try {
            const bytes =
              answer.state === 'partial'
                ? within(answer, this.name, at, endBytes)
                : this.#cutOut(answer, at, endBytes);
            for await (const chunk of bytes) {
              at += chunk.length;
              yield chunk;
              this.#left(chunk.length);
            }
          } catch (thrown) {
            if (!(thrown instanceof Broken)) throw thrown;
            failure = { cause: thrown.cause };
          }
          if (!failure) return;
          if (at > before) failures = 0;
        } else failure = answer;
      } finally {
        leave();
      }
      signal?.throwIfAborted();
      failures += 1;
      if (failures >= ATTEMPTS || (!this.#answered && failure.status === undefined))
        throw this.#givenUp(failure, at);
      const delayMs = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await this.#pause(Math.max(failure.retryAfterMs ?? 0, delayMs), signal);
    }
  }

  #left(garbageBytes: number): void {
    if (!this.#collect) return;
    garbage += garbageBytes;
    if (garbage < COLLECT_BYTES) return;
    garbage = 0;
    this.#collect();
  }

  /** What an answer says of the file has to stay as it was: bytes of two versions make no file. */
  #remember({ totalBytes, validator }: RangeBody): void {
    this.#answered = true;
    if (totalBytes !== undefined && this.#sizeBytes !== undefined && totalBytes !== this.#sizeBytes)
      throw replaced(this.name);
    this.#sizeBytes ??= totalBytes;
    this.#validator ??= validator;
  }

  /** From a file that comes whole: kept when it is small, read past otherwise. */
  async *#cutOut(
    answer: RangeBody,
    startBytes: number,
    endBytes: number,
  ): AsyncGenerator<Uint8Array, undefined> {
    let kept: Uint8Array[] | undefined = this.#wholeFiles.takes(answer.totalBytes ?? 0) ? [] : undefined;
    let at = 0;
    for await (const chunk of unbroken(answer)) {
      const from = Math.max(0, startBytes - at);
      const to = Math.min(chunk.length, endBytes - at);
      at += chunk.length;
      if (kept && !this.#wholeFiles.takes(at)) kept = undefined;
      kept?.push(chunk);
      if (from < to) yield chunk.subarray(from, to);
      if (at >= endBytes && !kept) return;
    }
    if (answer.lengthBytes !== undefined && at < answer.lengthBytes) throw brokenOff(at, answer.lengthBytes);
    this.#sizeBytes ??= at;
    if (kept) this.#wholeFiles.keep(this, kept, at);
  }

  #givenUp({ status, cause }: Failure, at: number): PeerceptronError {
    if (status !== undefined) {
      return unavailable(
        this.name,
        `HTTP ${status} again and again, the server has a problem: try again later`,
        { status },
      );
    }
    return this.#answered
      ? unavailable(this.name, `the connection broke at byte ${at} and could not be resumed: try again`, {
          cause,
        })
      : unavailable(
          this.name,
          'no answer: check the address and the connection, and from a page also that the server allows other origins (CORS)',
          { cause },
        );
  }
}

interface Failure {
  readonly cause?: unknown;
  readonly status?: number;
  readonly retryAfterMs?: number;
}

/** The connection ended before the answer did. */
class Broken extends Error {}

const brokenOff = (received: number, announced: number): Broken =>
  new Broken('broken off', { cause: new Error(`${received} of ${announced} bytes came`) });

async function* unbroken({ chunks }: RangeBody): AsyncGenerator<Uint8Array, undefined> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new Broken('broken', { cause });
  }
}

/** Of a partial answer: no byte more than was asked for, and none less than the file has. */
async function* within(
  answer: Extract<RangeAnswer, { state: 'partial' }>,
  url: string,
  startBytes: number,
  endBytes: number,
): AsyncGenerator<Uint8Array, undefined> {
  let at = startBytes;
  for await (const chunk of unbroken(answer)) {
    at += chunk.length;
    if (at > endBytes) throw otherRange(url, startBytes, endBytes);
    yield chunk;
  }
  const announced = answer.lengthBytes === undefined ? undefined : startBytes + answer.lengthBytes;
  // Less than was asked for is right only at the end of the file.
  const expected = Math.max(announced ?? 0, Math.min(endBytes, answer.totalBytes ?? 0));
  if (at < expected) throw brokenOff(at - startBytes, expected - startBytes);
}

/** Small files of servers that ignore Range, so that not every read fetches them whole; the least used go first. */
export class WholeFiles {
  readonly #limitBytes: number;
  readonly #files = new Map<object, Uint8Array>();
  #sizeBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  takes(sizeBytes: number): boolean {
    return sizeBytes <= this.#limitBytes / 2;
  }

  get(source: object): Uint8Array | undefined {
    const bytes = this.#files.get(source);
    if (bytes) {
      this.#files.delete(source);
      this.#files.set(source, bytes);
    }
    return bytes;
  }

  keep(source: object, chunks: readonly Uint8Array[], sizeBytes: number): void {
    const bytes = new Uint8Array(sizeBytes);
    let filled = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    this.#forget(source);
    this.#files.set(source, bytes);
    this.#sizeBytes += sizeBytes;
    for (const oldest of this.#files.keys()) {
      if (this.#sizeBytes <= this.#limitBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(source: object): void {
    this.#sizeBytes -= this.#files.get(source)?.length ?? 0;
    this.#files.delete(source);
  }
}

const sharedWholeFiles = new WholeFiles(16 * 1024 * 1024);

const turnstiles = new Map<string, Turnstile>();

function turnstileOf(url: string): Turnstile {
  const origin = /^[a-z]+:\/\/[^/]*/i.exec(url)?.[0] ?? '';
  const known = turnstiles.get(origin) ?? new Turnstile(REQUESTS_PER_ORIGIN);
  turnstiles.set(origin, known);
  return known;
}

function pauseByTimer(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
