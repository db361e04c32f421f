import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LEAN_MALLOC, LEAN_NODE } from '../../../headless/lean-process.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { LoadCommand, SoloCommand, SoloFrame, SoloLoaded, SoloReply } from './solo-protocol.ts';

/** One device that runs a network all by itself, as a process of its own. */
export interface SoloDevice {
  readonly pid: number;
  /** Once, at full speed. */
  load(command: Omit<LoadCommand, 'type'>): Promise<SoloLoaded>;
  /** Of one core, from the next frame on. */
  setShare(share: number): Promise<void>;
  /** One frame of `soloInput(graph, seed)`. */
  run(seed: number, options?: { readonly output?: boolean }): Promise<SoloFrame>;
  stop(): Promise<void>;
}

export interface SoloDeviceOptions {
  /** The built `solo.process.js`, where it is not beside the running program. */
  readonly program?: string;
}

/** Started as peers are, with a small heap and an allocator that gives memory back. Ends with this process. */
export function startSoloDevice(options: SoloDeviceOptions = {}): SoloDevice {
  const program = options.program ?? fileURLToPath(new URL('./solo.process.js', import.meta.url));
  const child = spawn(process.execPath, [...LEAN_NODE, '--expose-gc', program], {
    env: { ...LEAN_MALLOC, ...process.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const waiting: { resolve: (reply: SoloReply) => void; reject: (error: Error) => void }[] = [];
  let ended: PeerceptronError | undefined;
  const end = (why: string, cause?: unknown): void => {
    ended ??= new PeerceptronError('INTERNAL', `the device that computes alone ${why}`, { cause });
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.once('error', (error) => end('did not start', error));
  child.once('close', (code, signal) => end(`ended (${signal ?? `code ${code}`})`));
  // Whoever writes is told by the end of the process.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) =>
    waiting.shift()?.resolve(JSON.parse(line) as SoloReply),
  );

  const ask = async <T extends SoloReply['type']>(
    command: SoloCommand,
    type: T,
  ): Promise<Extract<SoloReply, { readonly type: T }>> => {
    if (ended) throw ended;
    const reply = await new Promise<SoloReply>((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(command)}\n`);
    });
    if (reply.type === 'error') throw new PeerceptronError(reply.code, reply.message);
    if (reply.type !== type)
      throw new PeerceptronError('INTERNAL', `${reply.type} came in the place of ${type}`);
    return reply as Extract<SoloReply, { readonly type: T }>;
  };
  return {
    pid: child.pid ?? 0,
    load: (command) => ask({ type: 'load', ...command }, 'loaded'),
    run: (seed, { output = false } = {}) => ask({ type: 'run', seed, output }, 'frame'),
    async setShare(share) {
      await ask({ type: 'share', share }, 'share');
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}
