import { readFile, stat } from 'node:fs/promises';
import { judgeTlsPair, invalid, type CertificateFacts, type TlsPair } from './tls-pair.ts';

export interface TlsFiles {
  /** PEM: the certificate, followed by those between it and its authority. */
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the operator's own certificate and key.
 * @throws CERTIFICATE_INVALID when a file cannot be read, or the two cannot serve now
 */
export async function readTlsFiles(
  files: TlsFiles,
  nowMs: number,
): Promise<{ readonly pair: TlsPair; readonly facts: CertificateFacts }> {
  const [cert, key] = await Promise.all([read('--cert', files.cert), read('--key', files.key)]);
  const pair = { cert, key };
  const from = { cert: `--cert ${files.cert}`, key: `--key ${files.key}` };
  return { pair, facts: judgeTlsPair(pair, from, nowMs) };
}

/** When the files were last written, to notice that somebody has renewed them; undefined while one is missing. */
export async function tlsFilesVersion(files: TlsFiles): Promise<string | undefined> {
  try {
    const found = await Promise.all([stat(files.cert), stat(files.key)]);
    return found.map(({ mtimeMs, size }) => `${mtimeMs}/${size}`).join(' ');
  } catch {
    return undefined;
  }
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'this user may not read it'
          : code === 'EISDIR'
            ? 'it is a folder'
            : code || String(cause);
    throw invalid(`${flag} ${path} cannot be read: ${why}.`, cause);
  }
}
