import { readFile } from 'node:fs/promises';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** The file of `--plan` as JSON, not checked any further. @throws PLAN_INVALID */
export async function readPlanFile(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeerceptronError('PLAN_INVALID', `--plan: '${file}' cannot be read as JSON: ${reason}`, {
      cause,
    });
  }
}
