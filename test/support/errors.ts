import { PeerceptronError, type ErrorCode } from '../../src/shared/errors.ts';

export const isPeerceptronError = (thrown: unknown, code: ErrorCode): thrown is PeerceptronError =>
  thrown instanceof PeerceptronError && thrown.code === code;
