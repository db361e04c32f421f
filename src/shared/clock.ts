/** Time as a port: the pure core and the tests never read a real clock. */
export interface Clock {
  /** Milliseconds, monotonic, from an arbitrary origin. */
  now(): number;
  /** Calls back once after at least `delayMs`; returns how to cancel it. */
  after(delayMs: number, callback: () => void): () => void;
}
