/**
 * Runs a benchmark that starts things; `undo` is filled as they come up, and done in reverse order at its end, also when it fails
 * or is interrupted. One step that fails does not keep the others.
 */
export async function withCleanUp<T>(run: (undo: (() => unknown)[]) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = [];
  let interruption: Promise<void> | undefined;
  const interrupted = (): void => {
    interruption ??= undoAll(undo).finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await run(undo);
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    // What ran may have failed because things were taken away from it: that must not end the process before all of them are.
    await interruption;
    await undoAll(undo);
  }
}

/** Of a part of a benchmark that starts things of its own: `undo`, of the whole, has them as long as they are there. */
export async function withPart<T>(
  undo: (() => unknown)[],
  run: (undo: (() => unknown)[]) => Promise<T>,
): Promise<T> {
  const own: (() => unknown)[] = [];
  const step = (): Promise<void> => undoAll(own);
  undo.push(step);
  try {
    return await run(own);
  } finally {
    await step();
    undo.splice(undo.indexOf(step), 1);
  }
}

/** What was started last first; one step that fails does not keep the others. */
export async function undoAll(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      console.error(`cleaning up: ${String(error)}`);
    }
  }
}
