import { PeerceptronError } from '../shared/errors.ts';

export interface RangeRequest {
  readonly startBytes: number;
  /** Half-open. */
  readonly endBytes: number;
  /** ETag or Last-Modified of the file that is meant, where it is known. */
  readonly validator?: string | undefined;
}

export type RangeAnswer =
  /** The range, or what of it the file has. */
  | (RangeBody & { readonly state: 'partial' })
  /** The server ignores Range: the file from its first byte on. */
  | (RangeBody & { readonly state: 'whole' })
  /** The file ends before the range. */
  | { readonly state: 'past-end' }
  /** The server has a problem of its own that may pass (429, 5xx). */
  | { readonly state: 'busy'; readonly status: number; readonly retryAfterMs?: number }
  /** No answer: the connection failed. */
  | { readonly state: 'broken'; readonly cause: unknown };

export interface RangeBody {
  /** Of the whole file; absent where the server does not tell (or hides it from other origins). */
  readonly totalBytes?: number;
  readonly validator?: string;
  /** What the answer announces of itself. */
  readonly lengthBytes?: number;
  /** As the bytes come; throws what `fetch` throws where the connection breaks. Ending it early closes the connection. */
  readonly chunks: AsyncGenerator<Uint8Array, undefined>;
  /** Closes the connection, where no chunk is wanted. */
  readonly cancel: () => Promise<void>;
}

/**
 * One Range request, checked as far as its headers go.
 * @throws WEIGHTS_UNAVAILABLE (refused for good), WEIGHTS_CORRUPT (another file by now, or another range), or the
 * signal's reason
 */
export async function requestRange(
  request: typeof fetch,
  url: string,
  range: RangeRequest,
  signal?: AbortSignal,
): Promise<RangeAnswer> {
  const { startBytes, endBytes, validator } = range;
  const conditional = validator !== undefined && isStrong(validator) && asksFreely(url);
  let response: Response;
  try {
    response = await request(url, {
      headers: {
        range: `bytes=${startBytes}-${endBytes - 1}`,
        // Ranges of a compressed representation would not be ranges of the file. (Browsers ask for identity by themselves.)
        'accept-encoding': 'identity',
        ...(conditional ? { 'if-range': validator } : {}),
      },
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PeerceptronError) throw cause;
    return { state: 'broken', cause };
  }
  const giveUp = async (): Promise<void> => {
    await response.body?.cancel().catch(() => undefined);
  };
  const { status } = response;
  if (status !== 200 && status !== 206) {
    await giveUp();
    if (status === 416) return { state: 'past-end' };
    if (status === 429 || status >= 500) return { state: 'busy', status, ...retryAfter(response) };
    throw refusedBy(url, status);
  }
  const now = validatorOf(response);
  if (validator !== undefined && now !== undefined && now !== validator) {
    await giveUp();
    throw replaced(url);
  }
  const known = now === undefined ? {} : { validator: now };
  const length = wholeNumber(
    response.headers.get('content-encoding') ? null : response.headers.get('content-length'),
  );
  const chunks = chunksOf(response);
  if (status === 200) {
    return {
      state: 'whole',
      ...known,
      ...(length === undefined ? {} : { totalBytes: length, lengthBytes: length }),
      chunks,
      cancel: giveUp,
    };
  }
  // Other origins see Content-Range only where the server exposes it: it is checked where it is there.
  const contentRange = response.headers.get('content-range');
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange ?? '') ?? [];
  const asked =
    first !== undefined &&
    Number(first) === startBytes &&
    Number(last) >= startBytes &&
    Number(last) < endBytes;
  if ((contentRange !== null && !asked) || (length !== undefined && length > endBytes - startBytes)) {
    await giveUp();
    throw otherRange(url, startBytes, endBytes);
  }
  const lengthBytes = first === undefined ? length : Number(last) - startBytes + 1;
  return {
    state: 'partial',
    ...known,
    ...(total === undefined || total === '*' ? {} : { totalBytes: Number(total) }),
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
    chunks,
    cancel: giveUp,
  };
}

async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

export const validatorOf = (response: Response): string | undefined =>
  response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined;

const isStrong = (validator: string): boolean => !validator.startsWith('W/');

/** `If-Range` to another origin costs a page a preflight request, which many file servers refuse. */
function asksFreely(url: string): boolean {
  const { location } = globalThis as { location?: { origin?: string } };
  return location?.origin === undefined || url.startsWith(`${location.origin}/`);
}

const wholeNumber = (text: string | null): number | undefined =>
  text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** More than that nobody waits for. */
const RETRY_AFTER_LIMIT_S = 30;

function retryAfter(response: Response): { retryAfterMs?: number } {
  const seconds = wholeNumber(response.headers.get('retry-after'));
  return seconds === undefined ? {} : { retryAfterMs: Math.min(seconds, RETRY_AFTER_LIMIT_S) * 1000 };
}

export const replaced = (url: string): PeerceptronError =>
  new PeerceptronError(
    'WEIGHTS_CORRUPT',
    `${url} was replaced by another file while it was read: start again`,
    {
      details: { url },
    },
  );

export const otherRange = (url: string, startBytes: number, endBytes: number): PeerceptronError =>
  new PeerceptronError(
    'WEIGHTS_CORRUPT',
    `${url}: the server answered another range than bytes ${startBytes}–${endBytes - 1}: check the proxy or cache in front of it`,
    { details: { url } },
  );

function refusedBy(url: string, status: number): PeerceptronError {
  const advice =
    status === 404 || status === 410
      ? 'there is no such file: check the address'
      : status === 401 || status === 403
        ? 'the server refuses access: make the file public, or download it and use it from disk'
        : 'use an address that answers GET with the file';
  return unavailable(url, `HTTP ${status}, ${advice}`, { status });
}

export const unavailable = (
  url: string,
  what: string,
  { cause, status }: { readonly cause?: unknown; readonly status?: number } = {},
): PeerceptronError =>
  new PeerceptronError('WEIGHTS_UNAVAILABLE', `cannot read ${url}: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { url, ...(status === undefined ? {} : { status }) },
  });
