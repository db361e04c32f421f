import type { ErrorCode, PeerceptronError } from '../shared/errors.ts';

/** An error as the page shows it: a code to look up, and the sentence that came with it. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
}

export const problemOf = ({ code, message }: PeerceptronError): Problem => ({ code, message });
