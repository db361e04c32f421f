import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { openLocalRoom } from '../headless/local-room.ts';
import { CREDENTIAL, serviceUnit } from '../headless/service/unit.ts';
import { formatRoomLink } from '../src/protocol/room-link.ts';
import { commandOf } from '../test/support/unit-command.ts';
import type { Benchmark, BenchmarkContext, Row } from './benchmark.ts';
import { processorMs } from './processor-time.ts';

const MB = 1e6;
const CPU_GOAL_PERCENT = 1;
const MEMORY_GOAL_MB = 120;
/** It measures itself, and begins its engine anew should that be worth it, before it is idle. */
const SETTLE_MS = 5_000;
const WATCHED_MS = 60_000;

interface IdlePeer {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

/** Linux only. */
function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)![1]) * 1024;
  return {
    cpuMs: processorMs(pid),
    residentBytes: bytes('VmRSS'),
    peakBytes: bytes('VmHWM'),
  };
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** In its room, with nothing to do, after it has measured itself. */
async function idle(peer: IdlePeer, folder: string, { quick, say }: BenchmarkContext): Promise<Row[]> {
  say(`${peer.name}: starting`);
  const [program, ...args] = peer.command as [string, ...string[]];
  const child = spawn(program, [...args, '--json', '--profile', 'fresh'], {
    env: { PATH: process.env.PATH, ...peer.environment, XDG_CACHE_HOME: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<never>((_, reject) =>
    child.once('exit', (code) => reject(new Error(`${peer.name} ended with code ${code}`))),
  );
  ended.catch(() => undefined);
  try {
    const waited = new Set(['joined', 'profile']);
    const isReady = new Promise<void>((done) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        waited.delete((JSON.parse(line) as { type: string }).type);
        if (waited.size === 0) done();
      });
    });
    await Promise.race([isReady, ended]);
    await Promise.race([pause(SETTLE_MS), ended]);
    const before = usageOf(child.pid!);
    const startedMs = performance.now();
    say(`${peer.name}: watching`);
    await Promise.race([pause(quick ? WATCHED_MS / 6 : WATCHED_MS), ended]);
    const after = usageOf(child.pid!);
    const percent = (100 * (after.cpuMs - before.cpuMs)) / (performance.now() - startedMs);
    return [
      {
        name: `${peer.name}: processor, of one core`,
        value: percent,
        unit: '%',
        goal: { atMost: CPU_GOAL_PERCENT },
      },
      {
        name: `${peer.name}: memory after it has measured itself`,
        value: before.residentBytes / MB,
        unit: 'MB',
        goal: { atMost: MEMORY_GOAL_MB },
      },
      {
        name: `${peer.name}: memory after a minute of rest`,
        value: after.residentBytes / MB,
        unit: 'MB',
        goal: { atMost: MEMORY_GOAL_MB },
      },
      { name: `${peer.name}: memory at its peak`, value: after.peakBytes / MB, unit: 'MB', goal: null },
    ];
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
}

export const idleCosts: Benchmark = {
  summary: 'an idle Node peer: processor and memory, started by hand and as the service',
  async run(context) {
    const folder = mkdtempSync(join(tmpdir(), 'peerceptron-idle-'));
    const room = await openLocalRoom({ port: 0, host: '127.0.0.1' });
    try {
      const link = formatRoomLink(room.link);
      const credentials = join(folder, 'credentials');
      const configFile = join(folder, 'peer.json');
      mkdirSync(credentials);
      writeFileSync(join(credentials, CREDENTIAL), link, { mode: 0o400 });
      writeFileSync(configFile, '{"metrics-port": 0}');
      const program = resolve('dist/node/cli.js');
      const unit = serviceUnit({
        node: process.execPath,
        program,
        linkFile: join(credentials, CREDENTIAL),
        configFile,
        memoryMax: '80%',
        isProgramAtHome: false,
      });
      const byHand: IdlePeer = {
        name: 'join',
        command: [process.execPath, program, 'join'],
        environment: { PEERCEPTRON_URL: link },
      };
      const rows: Row[] = [];
      for (const peer of [byHand, { name: 'service', ...commandOf(unit, credentials) }])
        rows.push(...(await idle(peer, folder, context)));
      return rows;
    } finally {
      await room.server.close();
      rmSync(folder, { recursive: true });
    }
  },
};
