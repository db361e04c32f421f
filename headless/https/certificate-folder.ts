import { chmod, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { invalid, type TlsPair } from '../../signaling/tls-pair.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

export type StoredPair = 'authority' | 'server';

/** On systems that have such bits: this user alone. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\n?/;
const PRIVATE_KEY = /-----BEGIN PRIVATE KEY-----[\s\S]*-----END PRIVATE KEY-----\n?/;

/** Certificates with their keys, one file each, so that a key never stands beside a certificate that is not its own. */
export class CertificateFolder {
  readonly path: string;
  readonly #note: (sentence: string) => void;

  constructor(path: string, note: (sentence: string) => void) {
    this.path = path;
    this.#note = note;
  }

  fileOf(pair: StoredPair): string {
    return join(this.path, `${pair}.pem`);
  }

  /**
   * Undefined where there is none yet. Keys that others could read are closed to them.
   * @throws CERTIFICATE_INVALID for a file that cannot be read or holds no pair
   */
  async read(pair: StoredPair): Promise<TlsPair | undefined> {
    const file = this.fileOf(pair);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause))) return undefined;
      throw invalid(`${file} cannot be read (${codeOf(cause)}): let this user own it.`, cause);
    }
    await this.#tighten(file);
    const cert = CERTIFICATES.exec(text)?.[0];
    const key = PRIVATE_KEY.exec(text)?.[0];
    if (cert === undefined || key === undefined) throw invalid(`${file} is damaged. ${whatThen(pair, file)}`);
    return { cert, key };
  }

  /** Puts a pair in the place of what is there. @throws OUTPUT_UNWRITABLE */
  async write(pair: StoredPair, content: TlsPair): Promise<void> {
    await this.#place(content, (draft) => rename(draft, this.fileOf(pair)));
  }

  /** Keeps `content` where nothing is kept yet, and gives what is there in the end: another process may have been faster. */
  async writeFirst(pair: StoredPair, content: TlsPair): Promise<TlsPair> {
    await this.#place(content, async (draft) => {
      try {
        await link(draft, this.fileOf(pair));
        await rm(draft);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') await rm(draft);
        // A file system without hard links: the last one stays.
        else await rename(draft, this.fileOf(pair));
      }
    });
    return (await this.read(pair)) ?? content;
  }

  async #place({ cert, key }: TlsPair, put: (draft: string) => Promise<void>): Promise<void> {
    const draft = join(this.path, `.${randomBytes(6).toString('hex')}.part`);
    try {
      await mkdir(this.path, { recursive: true, mode: FOLDER_MODE });
      await this.#tighten(this.path);
      await writeFile(draft, `${cert}${key}`, { mode: FILE_MODE, flag: 'wx' });
      await put(draft);
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw new PeerceptronError(
        'OUTPUT_UNWRITABLE',
        `The certificate cannot be kept in ${this.path} (${codeOf(cause)}): let this user write there, name another folder in PEERCEPTRON_DATA, or bring a certificate (--cert, --key).`,
        { cause },
      );
    }
  }

  async #tighten(path: string): Promise<void> {
    if (process.platform === 'win32') return;
    const { mode } = await stat(path);
    if ((mode & OTHERS) === 0) return;
    await chmod(path, mode & ~OTHERS & 0o777);
    this.#note(`${path} was open to other users of this machine, and is closed to them now.`);
  }
}

/** What somebody should do about a stored pair that is no good. */
export const whatThen = (pair: StoredPair, file: string): string =>
  pair === 'authority'
    ? `Delete ${file}: a new authority is made then, which devices have to trust once more.`
    : `Delete ${file}: it is made again.`;

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
