import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, unreachable } from '../shared/errors.ts';
import { otherRange, requestRange, validatorOf, type RangeRequest } from './http-range.ts';

/** What a server says of a file without sending it. */
export interface HttpFileVersion {
  readonly sizeBytes: number;
  /** ETag or Last-Modified: another one means another content. Absent where the server sends neither. */
  readonly validator?: string;
}

/** Asks for a file's version. Nothing where the server does not tell the size, or compresses on the way. */
export async function httpFileVersion(
  request: typeof fetch,
  url: string,
  signal?: AbortSignal,
): Promise<HttpFileVersion | undefined> {
  const head = await request(url, {
    method: 'HEAD',
    // Where it may be set: a browser's own cache would answer with what it had before.
    cache: 'no-cache',
    headers: { 'accept-encoding': 'identity' },
    ...(signal ? { signal } : {}),
  });
  const length = head.headers.get('content-length');
  if (!head.ok || head.headers.get('content-encoding') || length === null || !/^\d+$/.test(length)) {
    return undefined;
  }
  const validator = validatorOf(head);
  return { sizeBytes: Number(length), ...(validator === undefined ? {} : { validator }) };
}

type RangeResult =
  /** Every byte came. */
  | { readonly state: 'complete' }
  /** The connection broke, or the server was out of reach, after some of them: the rest may be asked for again. */
  | { readonly state: 'broken'; readonly cause: unknown }
  /** The server has a problem of its own that may pass (429, 5xx). */
  | { readonly state: 'busy'; readonly status: number }
  /** Range is ignored: another way has to be taken. */
  | { readonly state: 'no-ranges' }
  /** The file ends before. */
  | { readonly state: 'ended' };

/**
 * One Range request for bytes `startBytes`–`endBytes` (half-open); they are handed on as they come.
 * @throws WEIGHTS_UNAVAILABLE (refused for good), WEIGHTS_CORRUPT (another file by now, or another range), or the
 * signal's reason
 */
async function streamRange(
  request: typeof fetch,
  url: string,
  range: RangeRequest,
  onBytes: (bytes: Uint8Array) => void,
  signal?: AbortSignal,
): Promise<RangeResult> {
  const answer = await requestRange(request, url, range, signal);
  switch (answer.state) {
    case 'broken':
    case 'busy':
      return answer;
    case 'past-end':
      return { state: 'ended' };
    case 'whole':
      await answer.cancel();
      return { state: 'no-ranges' };
    case 'partial':
      break;
    default:
      unreachable(answer);
  }
  const { startBytes, endBytes } = range;
  const wanted = endBytes - startBytes;
  let received = 0;
  try {
    for await (const bytes of answer.chunks) {
      received += bytes.length;
      if (received > wanted) throw otherRange(url, startBytes, endBytes);
      onBytes(bytes);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PeerceptronError) throw cause;
    return { state: 'broken', cause };
  }
  if (received === wanted) return { state: 'complete' };
  return { state: 'broken', cause: new Error(`${received} of ${wanted} bytes came`) };
}

/** Without a single new byte in between. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;

export interface DownloadOptions {
  readonly fetch: typeof fetch;
  /** Paces retries. */
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes of a file from its server, as they come and in order, resumed where a connection breaks as often as it takes while
 * bytes come. `ended`: the file is shorter than that.
 * @throws WEIGHTS_UNAVAILABLE, WEIGHTS_CORRUPT (another file by now), or the signal's reason
 */
export async function downloadRange(
  url: string,
  { startBytes, endBytes, validator }: RangeRequest,
  onBytes: (bytes: Uint8Array) => void,
  { fetch, clock, signal }: DownloadOptions,
): Promise<'complete' | 'no-ranges' | 'ended'> {
  let at = startBytes;
  const take = (bytes: Uint8Array): void => {
    at += bytes.length;
    onBytes(bytes);
  };
  let failures = 0;
  while (at < endBytes) {
    const before = at;
    const result = await streamRange(fetch, url, { startBytes: at, endBytes, validator }, take, signal);
    if (result.state === 'complete') break;
    if (result.state === 'no-ranges' || result.state === 'ended') return result.state;
    failures = at > before ? 1 : failures + 1;
    if (failures >= ATTEMPTS) throw brokenOff(url, result);
    await pause(clock, failures, signal);
  }
  return 'complete';
}

/** As `httpFileVersion`, tried again while the server is out of reach; nothing where it stays so. */
export async function retriedFileVersion(
  url: string,
  { fetch, clock, signal }: DownloadOptions,
): Promise<HttpFileVersion | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await httpFileVersion(fetch, url, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof PeerceptronError) throw cause;
      if (attempt >= ATTEMPTS) return undefined;
      await pause(clock, attempt, signal);
    }
  }
}

function brokenOff(
  url: string,
  result: { state: 'broken'; cause: unknown } | { state: 'busy'; status: number },
): PeerceptronError {
  const [what, cause] =
    result.state === 'busy'
      ? [`the server answers HTTP ${result.status} again and again`, undefined]
      : ['the connection breaks again and again', result.cause];
  return new PeerceptronError(
    'WEIGHTS_UNAVAILABLE',
    `cannot read ${url}: ${what}; what has come so far is cached: try again later`,
    { ...(cause === undefined ? {} : { cause }), details: { url } },
  );
}

function pause(clock: Clock, attempt: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (): void => {
      cancel();
      signal?.removeEventListener('abort', over);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const cancel = clock.after(FIRST_PAUSE_MS * 2 ** (attempt - 1), over);
    signal?.addEventListener('abort', over, { once: true });
  });
}
