import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isErrorCode, PeerceptronError } from '../../src/shared/errors.ts';
import type { RequesterAnswers, RequesterCommand, RequesterReply } from './requester-commands.ts';

export interface Requester {
  readonly pid: number;
  /** Rejects with what went wrong there, or `INTERNAL` where the program has ended. */
  ask<Command extends RequesterCommand>(command: Command): Promise<RequesterAnswers[Command['type']]>;
  stop(): Promise<void>;
}

export interface RequesterOptions {
  /** What the program is started by, as `nsenter …`. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The built `requester.process.js`, where it is not beside the running program. */
  readonly program?: string;
}

/** Starts the requester's program on its device; resolves when it has joined the room. */
export async function startRequester(options: RequesterOptions): Promise<Requester> {
  const { command, environment } = options;
  const program = options.program ?? fileURLToPath(new URL('./requester.process.js', import.meta.url));
  const [start, ...rest] = [...command, process.execPath, program];
  const child = spawn(start, rest, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting: { resolve: (value: never) => void; reject: (error: Error) => void }[] = [];
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let ended: PeerceptronError | undefined;
  const end = (why: string, cause?: unknown): void => {
    ended ??= new PeerceptronError('INTERNAL', `the requester's program ${why}`, { cause });
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.once('error', (error) => end('did not start', error));
  child.once('exit', (code, signal) => end(`ended (${signal ?? `code ${code}`})`));
  child.on('message', (message) => {
    const reply = message as RequesterReply;
    const asked = waiting.shift();
    if (reply.ok) asked?.resolve(reply.value as never);
    else
      asked?.reject(new PeerceptronError(isErrorCode(reply.code) ? reply.code : 'INTERNAL', reply.message));
  });
  const answer = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      if (ended) reject(ended);
      else waiting.push({ resolve: resolve, reject });
    });
  await answer<undefined>();
  return {
    pid: child.pid!,
    ask<Command extends RequesterCommand>(command: Command) {
      const answered = answer<RequesterAnswers[Command['type']]>();
      if (child.connected) child.send(command);
      return answered;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        if (child.connected) child.disconnect();
        const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
        await gone;
        clearTimeout(force);
      }
    },
  };
}
