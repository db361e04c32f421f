/** The public API. Everything else may change between releases. */
export { ERROR_CODES, PeerceptronError, isErrorCode } from './shared/errors.ts';
export type { ErrorCode, ErrorDetails } from './shared/errors.ts';
