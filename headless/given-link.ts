import { readFile } from 'node:fs/promises';
import { usage } from './terminal.ts';

/**
 * The room link that a command was given: as an argument, in a file, or in the environment (`PEERCEPTRON_URL`).
 * @throws USAGE where there is none
 */
export async function roomLinkFrom(url: string | undefined, urlFile: string | undefined): Promise<string> {
  if (url) return url;
  if (urlFile) {
    try {
      return (await readFile(urlFile, 'utf8')).trim();
    } catch {
      throw usage(`--url-file: '${urlFile}' cannot be read`);
    }
  }
  const fromEnvironment = process.env.PEERCEPTRON_URL;
  if (fromEnvironment) return fromEnvironment;
  throw usage('which room? Give its link as argument, by --url-file, or in PEERCEPTRON_URL');
}
