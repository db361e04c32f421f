import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PeerceptronError } from '../src/shared/errors.ts';
import { LEAN_MALLOC, LEAN_NODE } from './lean-process.ts';
import { cacheArguments, type CacheFlags } from './weight-cache.ts';
import type { ParentMessage, PeerEvent } from './peer/events.ts';

export interface PeerProcess {
  readonly name: string;
  readonly pid: number;
  /** Its id in the room, once it has joined. */
  readonly id: string;
  /** Gives the mesh another part of its processor, as `join --share`; what it is about to compute begins with that. `steady`: see `Engine`. */
  readonly setShare: (share: number, steady?: boolean) => Promise<void>;
  stop(): Promise<void>;
}

export interface PeerProcessOptions {
  /** The room link; handed over in the environment, since arguments are visible to everyone on the machine. */
  readonly url: string;
  readonly count: number;
  /** Default: `peer-1`, `peer-2`, … */
  readonly nameOf?: (index: number) => string;
  readonly engine?: string;
  /** Of the native engine; default: each gets its part of this machine's cores. */
  readonly threads?: number;
  /** What each offers, as `join --memory`. */
  readonly memory?: string | ((name: string) => string);
  /** What each gives of its processor, as `join --share`; default: all. */
  readonly share?: (name: string) => number;
  /** The built `cli.js`, where it is not beside the running program. */
  readonly program?: string;
  /** How a peer of this name is started; default: `program` by this Node. */
  readonly start?: (name: string) => PeerStart;
  /** Where a peer of this name keeps downloaded weights; by default all in this user's folder. */
  readonly cache?: (name: string) => CacheFlags;
  /** Servers that they may fetch weights from, beside the room's own. */
  readonly allowOrigins?: readonly string[];
  /** A peer ended by itself. */
  readonly onExit?: (name: string, code: number | null) => void;
}

export interface PeerStart {
  /** Before the program, which it becomes: the process that is started is the peer's in the end, as with `nice` or `ip netns exec`. */
  readonly command?: readonly string[];
  /** A program that understands `join`. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const START_TIMEOUT_MS = 60_000;

/** Starts Node peers as processes of their own and waits until each has joined the room. */
export async function startPeerProcesses(options: PeerProcessOptions): Promise<PeerProcess[]> {
  const starting = Array.from({ length: options.count }, (_, index) =>
    startPeerProcess(options.nameOf?.(index) ?? `peer-${index + 1}`, options),
  );
  const settled = await Promise.allSettled(starting);
  const peers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = settled.find((result) => result.status === 'rejected');
  if (failure) {
    await Promise.all(peers.map((peer) => peer.stop()));
    throw failure.reason;
  }
  return peers;
}

function startPeerProcess(name: string, options: PeerProcessOptions): Promise<PeerProcess> {
  // In the built program this file is part of a chunk beside cli.js.
  const beside = options.program ?? fileURLToPath(new URL('./cli.js', import.meta.url));
  const { command = [], program = beside, env = {} } = options.start?.(name) ?? {};
  const args = [process.execPath, ...LEAN_NODE, program, 'join', '--json', '--name', name, '--parent'];
  if (options.engine) args.push('--engine', options.engine);
  const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / options.count));
  args.push('--threads', String(threads));
  const memory = typeof options.memory === 'function' ? options.memory(name) : options.memory;
  if (memory) args.push('--memory', memory);
  const share = options.share?.(name);
  if (share !== undefined) args.push('--share', String(share));
  args.push(...cacheArguments(options.cache?.(name) ?? {}));
  for (const origin of options.allowOrigins ?? []) args.push('--allow-origin', origin);
  const [first, ...rest] = [...command, ...args];
  const child = spawn(first!, rest, {
    env: { ...LEAN_MALLOC, ...process.env, ...env, PEERCEPTRON_URL: options.url },
    // `--parent`: the peer ends when its stdin does, so none outlives a killed parent.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaints = (complaints + text).slice(-4000)));
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    await stopChild(child);
  };

  const whenShared: { readonly resolve: () => void; readonly reject: (error: PeerceptronError) => void }[] =
    [];
  const setShare = (share: number, steady = false): Promise<void> =>
    new Promise((resolve, reject) => {
      whenShared.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify({ share, steady } satisfies ParentMessage)}\n`, (error) => {
        if (error) reject(new PeerceptronError('INTERNAL', `${name} cannot be told: ${error.message}`));
      });
    });
  // Whoever writes is told.
  child.stdin.on('error', () => undefined);

  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      void stop();
      reject(
        new PeerceptronError(
          'INTERNAL',
          `${name} did not join within ${START_TIMEOUT_MS / 1000} s. ${complaints}`,
        ),
      );
    }, START_TIMEOUT_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = parseEvent(line);
      if (event?.type === 'joined') {
        clearTimeout(timer);
        resolve({ name, pid: child.pid!, id: event.id, setShare, stop });
      } else if (event?.type === 'share') whenShared.shift()?.resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      const ended = (when: string): PeerceptronError =>
        new PeerceptronError('INTERNAL', `${name} ended with code ${code} before it ${when}. ${complaints}`);
      reject(ended('joined'));
      for (const waiting of whenShared.splice(0)) waiting.reject(ended('had another share'));
      if (!stopping) options.onExit?.(name, code);
    });
  });
}

function parseEvent(line: string): PeerEvent | undefined {
  try {
    return JSON.parse(line) as PeerEvent;
  } catch {
    return undefined;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(force);
}
