import { PeerceptronError } from '../../../src/shared/errors.ts';

/** The coded error that `action` throws; fails when it throws none. */
export function thrownBy(action: () => unknown): PeerceptronError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof PeerceptronError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

/** The coded error that `promise` rejects with; fails when it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<PeerceptronError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof PeerceptronError) return thrown;
    throw thrown;
  }
  throw new Error('the promise was not rejected');
}
