import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PREFIX = 'peerceptron-';
/** A process that was killed is gone within this time, unless the machine has none left. */
const END_TIMEOUT_MS = 5_000;
const PAUSE_MS = 10;

/** Runs each line by `ip` in the namespace, one after the other; or one command with arguments, whose output is returned. */
export const ip = (namespace: string, lines: readonly string[], args: readonly string[] = []): string =>
  inNamespace('ip', namespace, lines, args);

/** Likewise by `tc`. */
export const tc = (namespace: string, lines: readonly string[]): string =>
  inNamespace('tc', namespace, lines, []);

function inNamespace(
  program: string,
  namespace: string,
  lines: readonly string[],
  args: readonly string[],
): string {
  if (lines.length === 0) return run(program, ['-n', namespace, ...args]);
  return run(program, ['-n', namespace, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** `script` runs in it, by `sh`. */
export function newNamespace(name: string, script: string): void {
  run('ip', ['netns', 'add', name]);
  run('ip', ['netns', 'exec', name, 'sh', '-c', script]);
}

/** With all that runs in it. */
export function removeNamespace(name: string): void {
  const pids = run('ip', ['netns', 'pids', name]).split('\n').filter(Boolean).map(Number);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  const untilMs = performance.now() + END_TIMEOUT_MS;
  // Their control groups can be removed then.
  while (pids.some(isRunning) && performance.now() < untilMs) Atomics.wait(waiting, 0, 0, PAUSE_MS);
  run('ip', ['netns', 'del', name]);
}

/** Of runs that were killed before they could tidy up. */
export function removeLeftovers(): void {
  for (const line of run('ip', ['netns', 'list']).split('\n')) {
    const [name = ''] = line.split(' ');
    const owner = ownerOf(name);
    if (owner !== undefined && !isRunning(owner)) removeNamespace(name);
  }
}

/** The process that has made the namespace, where it is one of ours. */
export function ownerOf(name: string): number | undefined {
  const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Why there can be no network of a farm on this machine, and what to do; nothing where there can. */
export function whyNoNetwork(): string | undefined {
  if (process.platform !== 'linux')
    return 'network namespaces are Linux’; run it there, or in a virtual machine';
  if (process.getuid?.() !== 0) return 'it takes root: run it with sudo, or in a container as root';
  for (const [program, where] of [
    ['ip', 'iproute2'],
    ['tc', 'iproute2'],
    ['nsenter', 'util-linux'],
  ] as const) {
    try {
      run(program, ['-V']);
    } catch {
      return `there is no '${program}': install ${where}`;
    }
  }
  const probe = `${PREFIX}${process.pid}-probe`;
  try {
    newNamespace(probe, 'true');
  } catch (error) {
    return `namespaces cannot be made (${lastLine(error)}): a container needs to be privileged (CAP_SYS_ADMIN, CAP_NET_ADMIN)`;
  }
  try {
    for (const [module, line] of [
      ['veth', 'link add probe0 type veth peer name probe1'],
      ['bridge', 'link add probe2 type bridge'],
    ] as const) {
      const why = triedWith(module, () => ip(probe, [line]));
      if (why) return why;
    }
    return triedWith('sch_tbf', () =>
      tc(probe, ['qdisc add dev probe0 root tbf rate 1mbit burst 4096 limit 65536']),
    );
  } finally {
    removeNamespace(probe);
  }
}

function triedWith(module: string, attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return `this kernel does not take it (${lastLine(error)}): try 'modprobe ${module}'`;
  }
}

/** Who has ended and is only still to be asked for its exit code, does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const lastLine = (error: unknown): string =>
  (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error);

const run = (program: string, args: readonly string[], input?: string): string =>
  execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  });
