import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = process.env['PEERCEPTRON_REALDATA'] ?? join(root, '../shared/realdata');

/** Real models and pictures live outside the project and may be absent. */
export const hasRealdata = existsSync(folder);
/** For the title of a test that needs them. */
export const realdataNote = hasRealdata ? '' : ' (skipped: no realdata)';
export const realdata = (path: string): string => join(folder, path);
