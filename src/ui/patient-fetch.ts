import type { Clock } from '../shared/clock.ts';
import { PeerceptronError } from '../shared/errors.ts';

export interface PatientFetchOptions {
  /** Rejects where nobody answers. */
  readonly load: (url: URL) => Promise<Response>;
  readonly clock: Clock;
  /** The server does not answer: for the first time, or still not. */
  readonly onSilence: (error: PeerceptronError) => void;
  /** It answers, after it did not. */
  readonly onAnswer?: () => void;
}

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 15_000;

/**
 * A `fetch` that is repeated until the server answers, whatever the answer is: a page that started without its server (from its
 * service worker) must not take silence for the answer that there is no such file.
 */
export function patientFetch(options: PatientFetchOptions): (url: URL) => Promise<Response> {
  const { load, clock, onSilence, onAnswer } = options;
  return async (url) => {
    for (
      let retryMs = FIRST_RETRY_MS, isSilent = false;
      ;
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
    ) {
      try {
        const response = await load(url);
        if (isSilent) onAnswer?.();
        return response;
      } catch (cause) {
        isSilent = true;
        onSilence(
          new PeerceptronError(
            'SIGNALING_UNREACHABLE',
            `The server ${url.origin} does not answer. Check that it runs, and that this device is in the same network.`,
            { cause },
          ),
        );
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
  };
}
