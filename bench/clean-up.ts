/**
 * Runs a benchmark that starts things; `undo` is filled as they come up, and done in reverse order at its end, also when it fails
 * or is interrupted. One step that fails does not keep the others.
 */
export async function withCleanUp<T>(run: (undo: (() => unknown)[]) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = [];
  const finish = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        console.error(`cleaning up: ${String(error)}`);
      }
    }
  };
  const interrupted = (): void => void finish().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await run(undo);
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await finish();
  }
}
