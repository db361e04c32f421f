import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NATIVE_PACKAGE, type FoundPackage } from '../src/engine/native-library.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { npmCommand, runNpm } from './npm.ts';
import { userDataDir } from './platform.ts';

/** What is installed: the version that the contract suite runs on. */
export const NATIVE_VERSION = '1.30.0';

/** Where its libraries are in the package, by platform and architecture. */
const LIBRARIES = 'bin/napi-v6';

/** Those that the package has a library for. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

/** Of all users of this machine. */
const SYSTEM_DIR = '/usr/local/lib/peerceptron/engines';

/** Whoever may write for all users does: a service runs as a user of its own. */
const isRoot = (): boolean => process.platform !== 'win32' && process.getuid?.() === 0;

/** Where `engine install` puts the package: beside no version of the program, so that it serves them all, `npx` included. */
export const installFolder = (): string =>
  process.env.PEERCEPTRON_DATA === undefined && isRoot() ? SYSTEM_DIR : join(userDataDir(), 'engines');

/** Where the package is looked for: beside the program, of this user, of this machine. */
export const nativeFolders = (): string[] => [
  dirname(fileURLToPath(import.meta.url)),
  join(userDataDir(), 'engines'),
  ...(process.platform === 'win32' ? [] : [SYSTEM_DIR]),
];

/** The version in its package.json; undefined where there is none. */
export async function versionOf({ path }: FoundPackage): Promise<string | undefined> {
  try {
    const text = await readFile(join(packageFolder(path), 'package.json'), 'utf8');
    return (JSON.parse(text) as { readonly version?: string }).version;
  } catch {
    return undefined;
  }
}

/** From its main file, `…/onnxruntime-node/dist/index.js`. */
const packageFolder = (path: string): string => dirname(dirname(path));

export interface InstallOptions {
  readonly folder?: string;
  readonly say?: (sentence: string) => void;
  /** Default: this device's, as `linux-arm64`. */
  readonly platform?: string;
}

/**
 * Puts the package in place by npm, without its install script, which would download libraries for graphics cards, and takes away
 * the libraries of other platforms. Resolves to the package's folder.
 * @throws ENGINE_INSTALL with what to do.
 */
export async function installNativePackage(options: InstallOptions = {}): Promise<string> {
  const { folder = installFolder(), say = () => undefined } = options;
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw installError(
      `${NATIVE_PACKAGE} has no library for ${platform}, only for ${PLATFORMS.join(', ')}: the wasm engine stays (on a Raspberry Pi a 64-bit system is needed)`,
    );
  }
  try {
    await mkdir(folder, { recursive: true });
    // A project of its own: what is installed here has nothing to do with any other.
    await writeFile(join(folder, 'package.json'), `${JSON.stringify({ private: true })}\n`);
  } catch (error) {
    throw installError(`the folder ${folder} cannot be written (${reasonOf(error)}): make room, or set PEERCEPTRON_DATA to another folder`, error); // prettier-ignore
  }
  say(`installing ${NATIVE_PACKAGE} ${NATIVE_VERSION} into ${folder}: some 100 MB to download …`);
  const args = ['install', '--ignore-scripts', '--save-exact', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await runNpm(npmCommand(), [...args, `${NATIVE_PACKAGE}@${NATIVE_VERSION}`], {
    cwd: folder,
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (code !== 0) {
    throw installError(
      `npm could not install it: ${firstLines(output)}. Check the network, the registry setting of npm and the free space in ${folder}, then run the command again`,
    );
  }
  const installed = join(folder, 'node_modules', NATIVE_PACKAGE);
  const [system, architecture] = platform.split('-') as [string, string];
  if (!existsSync(join(installed, LIBRARIES, system, architecture))) {
    throw installError(
      `${NATIVE_PACKAGE} ${NATIVE_VERSION} came without a library for ${platform}: report this`,
    );
  }
  await removeOthers(join(installed, LIBRARIES), system, architecture);
  return installed;
}

/** 250 MB on a memory card that nothing here can use. */
async function removeOthers(libraries: string, system: string, architecture: string): Promise<void> {
  for (const other of await readdir(libraries)) {
    if (other !== system) await rm(join(libraries, other), { recursive: true, force: true });
  }
  for (const other of await readdir(join(libraries, system))) {
    if (other !== architecture) await rm(join(libraries, system, other), { recursive: true, force: true });
  }
}

const installError = (sentence: string, cause?: unknown): PeerceptronError =>
  new PeerceptronError('ENGINE_INSTALL', sentence, { cause });

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** npm says what is wrong first. */
const firstLines = (output: string): string =>
  output
    .trim()
    .split('\n')
    .slice(0, 4)
    .map((line) => line.replace(/^npm (ERR!|error) ?/, '').trim())
    .filter((line) => line !== '')
    .join('; ') || 'it ended without a word';
