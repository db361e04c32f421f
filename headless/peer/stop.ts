import { createInterface } from 'node:readline';

/** How a peer is told to end. */
export interface Stop {
  /** Aborted when it should leave: by SIGINT or SIGTERM, or because whoever started it is gone. */
  readonly asked: AbortSignal;
  /** Resolves when it should wait for nobody: told a second time, or orphaned. */
  readonly urged: Promise<void>;
}

/** The third time, it ends there and then. */
const PATIENCE = 3;

/** `onLine`: what the parent says on standard input, whose end is the end of the peer; absent for a peer without a parent. */
export function listenForStop(onLine: ((line: string) => void) | undefined): Stop {
  const asked = new AbortController();
  let urge!: () => void;
  const urged = new Promise<void>((resolve) => (urge = resolve));
  let times = 0;
  const signalled = (): void => {
    times += 1;
    asked.abort();
    if (times > 1) urge();
    if (times >= PATIENCE) process.exit(1);
  };
  process.on('SIGINT', signalled);
  process.on('SIGTERM', signalled);
  if (onLine) {
    const orphaned = (): void => {
      asked.abort();
      urge();
    };
    process.stdin.once('error', orphaned);
    createInterface({ input: process.stdin }).on('line', onLine).once('close', orphaned);
  }
  return { asked: asked.signal, urged };
}
