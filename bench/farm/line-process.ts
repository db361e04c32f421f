import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** A process that is told things, and tells some, in lines of JSON. It ends when its standard input does, so none outlives a killed parent. */
export interface LineProcess {
  readonly pid: number;
  tell(message: unknown): void;
  /** The next line that it writes. @throws INTERNAL when it ends before that */
  next(): Promise<unknown>;
  end(): Promise<void>;
}

const END_TIMEOUT_MS = 5_000;

export function startLineProcess(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): LineProcess {
  const [first, ...rest] = command;
  const child = spawn(first!, rest, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines: string[] = [];
  const waiting: { readonly resolve: (line: unknown) => void; readonly reject: (error: Error) => void }[] =
    [];
  let ended: PeerceptronError | undefined;
  const fail = (why: string): void => {
    ended ??= new PeerceptronError('INTERNAL', `'${command.join(' ')}' ${why}`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.once('error', (error) => fail(`cannot be started: ${error.message}`));
  child.once('close', (code, signal) => fail(`ended (${signal ?? `code ${code}`})`));
  // Whoever waits for an answer learns that it is gone.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (next) next.resolve(JSON.parse(line));
    else lines.push(line);
  });
  return {
    pid: child.pid ?? 0,
    tell: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    next: () =>
      new Promise((resolve, reject) => {
        const line = lines.shift();
        if (line !== undefined) resolve(JSON.parse(line));
        else if (ended) reject(ended);
        else waiting.push({ resolve, reject });
      }),
    end: async () => {
      if (ended) return;
      child.stdin.end();
      const force = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
      await gone;
      clearTimeout(force);
    },
  };
}
