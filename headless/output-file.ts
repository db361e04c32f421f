import { writeFile } from 'node:fs/promises';
import { PeerceptronError } from '../src/shared/errors.ts';

/** @throws OUTPUT_UNWRITABLE */
export async function writeOutput(file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeerceptronError('OUTPUT_UNWRITABLE', `'${file}' cannot be written: ${reason}`, { cause });
  }
}
