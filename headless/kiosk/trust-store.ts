import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';

const run = promisify(execFile);
const NAME = 'Peerceptron kiosk';

/**
 * Has a Chromium trust an authority, and no other program: it reads the user's certificates in its home folder, so it gets a home of its
 * own beside its profile, with a database that holds this authority.
 * @returns the environment to start it with
 * @throws CERTUTIL_MISSING; OUTPUT_UNWRITABLE
 */
export async function trustingEnvironment(
  authorityPem: string,
  home: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<NodeJS.ProcessEnv> {
  const store = join(home, '.pki', 'nssdb');
  const noted = join(home, 'authority.pem');
  if ((await readFile(noted, 'utf8').catch(() => '')) !== authorityPem) {
    await makeStore(authorityPem, store, noted);
  }
  const { XDG_DATA_HOME: _data, ...rest } = env;
  return {
    ...rest,
    HOME: home,
    // The display is the user's, whatever the home.
    ...(env.DISPLAY && !env.XAUTHORITY ? { XAUTHORITY: join(env.HOME ?? homedir(), '.Xauthority') } : {}),
  };
}

async function makeStore(authorityPem: string, store: string, noted: string): Promise<void> {
  try {
    await rm(store, { recursive: true, force: true });
    await mkdir(store, { recursive: true, mode: 0o700 });
    // Written last: a store that was not finished is made again.
    await rm(noted, { force: true });
  } catch (cause) {
    throw unwritable(store, cause);
  }
  const database = ['-d', `sql:${store}`];
  const certificate = `${store}.crt`;
  await write(certificate, authorityPem);
  await certutil([...database, '-N', '--empty-password']);
  // Trusted for servers, and for nothing else.
  await certutil([...database, '-A', '-t', 'C,,', '-n', NAME, '-i', certificate]);
  await write(noted, authorityPem);
}

async function certutil(args: readonly string[]): Promise<void> {
  try {
    await run('certutil', args);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new PeerceptronError(
        'CERTUTIL_MISSING',
        'To have the kiosk trust the server, certutil is needed, and was not found: sudo apt install libnss3-tools.',
        { cause },
      );
    }
    throw new PeerceptronError('INTERNAL', `certutil: ${toPeerceptronError(cause).message}`, { cause });
  }
}

async function write(file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

const unwritable = (path: string, cause: unknown): PeerceptronError =>
  new PeerceptronError(
    'OUTPUT_UNWRITABLE',
    `${path} cannot be written: ${toPeerceptronError(cause).message}`,
    {
      cause,
    },
  );
