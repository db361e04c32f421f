import { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';

export interface HttpBytesOptions {
  /** Where a policy (allowed origins, no redirects elsewhere) is put in; `fetch` when absent. */
  readonly fetch?: typeof fetch;
  /** A file up to this size is taken whole, and kept, from a server that ignores Range. Default 32 MiB. */
  readonly wholeFileLimitBytes?: number;
}

/** A file on a server, read by HTTP Range requests. */
export function httpBytes(url: string, options: HttpBytesOptions = {}): ByteSource {
  return new HttpSource(url, options.fetch ?? fetch, options.wholeFileLimitBytes ?? 32 * 1024 * 1024);
}

class HttpSource implements ByteSource {
  readonly name: string;
  readonly #fetch: typeof fetch;
  readonly #wholeFileLimitBytes: number;
  #sizeBytes: number | undefined;
  #whole: Uint8Array | undefined;

  constructor(url: string, fetchPort: typeof fetch, wholeFileLimitBytes: number) {
    this.name = url;
    this.#fetch = fetchPort;
    this.#wholeFileLimitBytes = wholeFileLimitBytes;
  }

  async size(signal?: AbortSignal): Promise<number> {
    if (this.#sizeBytes !== undefined) return this.#sizeBytes;
    const head = await this.#request({ method: 'HEAD' }, signal);
    // A compressed response tells the size of what travels, not of the file.
    const length =
      head.ok && !head.headers.get('content-encoding') ? head.headers.get('content-length') : null;
    if (length !== null && /^\d+$/.test(length)) return (this.#sizeBytes = Number(length));
    await this.read(0, 1, signal);
    if (this.#sizeBytes !== undefined) return this.#sizeBytes;
    throw this.#unavailable(
      'the server does not tell the size of the file: let it send Content-Length, and expose Content-Range to other origins',
    );
  }

  async read(offsetBytes: number, lengthBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (lengthBytes <= 0) return new Uint8Array(0);
    if (this.#whole) return this.#whole.subarray(offsetBytes, offsetBytes + lengthBytes);
    const range = `bytes=${offsetBytes}-${offsetBytes + lengthBytes - 1}`;
    // Ranges of a compressed representation would not be ranges of the file. (Browsers ask for identity by themselves.)
    const response = await this.#request({ headers: { range, 'accept-encoding': 'identity' } }, signal);
    if (response.status === 206) return this.#partial(response, offsetBytes, lengthBytes, signal);
    if (response.status === 416) {
      await response.body?.cancel();
      return new Uint8Array(0);
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw this.#refused(response);
    }
    this.#whole = await this.#takeWhole(response, signal);
    this.#sizeBytes = this.#whole.length;
    return this.#whole.subarray(offsetBytes, offsetBytes + lengthBytes);
  }

  async #partial(
    response: Response,
    offsetBytes: number,
    lengthBytes: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    // Other origins see Content-Range only where the server exposes it: it is checked where it is there.
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
    if (total !== undefined) this.#sizeBytes = Number(total);
    const bytes = await this.#body(response, lengthBytes, signal);
    if ((start !== undefined && Number(start) !== offsetBytes) || bytes.length > lengthBytes) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `${this.name}: the server answered another range than bytes ${offsetBytes}–${offsetBytes + lengthBytes - 1}: check the proxy or cache in front of it`,
      );
    }
    return bytes;
  }

  async #takeWhole(response: Response, signal?: AbortSignal): Promise<Uint8Array> {
    const declared = Number(response.headers.get('content-length') ?? 0);
    const tooLarge = (): PeerceptronError =>
      this.#unavailable(
        `the server ignores HTTP Range and the file is larger than ${this.#wholeFileLimitBytes} bytes: serve it from a server that supports Range requests`,
      );
    if (declared > this.#wholeFileLimitBytes) {
      await response.body?.cancel();
      throw tooLarge();
    }
    const bytes = await this.#body(response, this.#wholeFileLimitBytes, signal);
    if (bytes.length > this.#wholeFileLimitBytes) throw tooLarge();
    return bytes;
  }

  /** The body, cut off once it is longer than `limitBytes`: a length that a server declares is not believed. */
  async #body(response: Response, limitBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let received = 0;
    try {
      const reader = response.body?.getReader();
      while (reader && received <= limitBytes) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
        received += value.length;
      }
      if (received > limitBytes) await reader?.cancel();
    } catch (cause) {
      signal?.throwIfAborted();
      throw this.#unavailable('the connection broke while the file was read: try again', cause);
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

  async #request(init: RequestInit, signal?: AbortSignal): Promise<Response> {
    try {
      // Called as a bare function: `fetch` refuses to be called as a method of something else.
      const request = this.#fetch;
      return await request(this.name, { ...init, ...(signal ? { signal } : {}) });
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof PeerceptronError) throw cause;
      throw this.#unavailable(
        'no answer: check the address and the connection, and from a page also that the server allows other origins (CORS)',
        cause,
      );
    }
  }

  #refused(response: Response): PeerceptronError {
    const advice =
      response.status === 404 || response.status === 410
        ? 'there is no such file: check the address'
        : response.status === 401 || response.status === 403
          ? 'the server refuses access: make the file public, or download it and use it from disk'
          : response.status === 429 || response.status >= 500
            ? 'the server has a problem: try again later'
            : 'use an address that answers GET with the file';
    return this.#unavailable(`HTTP ${response.status}, ${advice}`, undefined, response.status);
  }

  #unavailable(what: string, cause?: unknown, status?: number): PeerceptronError {
    return new PeerceptronError('WEIGHTS_UNAVAILABLE', `cannot read ${this.name}: ${what}`, {
      ...(cause === undefined ? {} : { cause }),
      details: { url: this.name, ...(status === undefined ? {} : { status }) },
    });
  }
}
