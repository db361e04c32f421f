import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CREDENTIAL, serviceUnit } from '../../headless/service/unit.ts';
import { setUp } from '../../scripts/setup.mjs';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { parseRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { digitsOn } from '../support/compute-digits.ts';
import { parseExposition } from '../support/exposition.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import { commandOf } from '../support/unit-command.ts';
import { capabilities, joinReal, until } from './mesh-room.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dyingWorker = new URL('../support/dying-worker.mjs', import.meta.url).href;
let folder: string;
const undo: (() => unknown)[] = [];
beforeAll(() => setUp('build'));
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'peerceptron service $HOME 100%-'))));
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  rmSync(folder, { recursive: true });
});

/** One line of the log as JSON. */
interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The unit's real command, in the environment that systemd gives it, without what systemd shields it from. */
function startUnit(
  link: string,
  settings: Readonly<Record<string, unknown>>,
  nodeFlags: readonly string[] = [],
) {
  const credentials = join(folder, 'credentials');
  const configFile = join(folder, 'peer.json');
  mkdirSync(credentials);
  writeFileSync(join(credentials, CREDENTIAL), `${link}\n`, { mode: 0o400 });
  writeFileSync(configFile, JSON.stringify(settings));
  const unit = serviceUnit({
    node: process.execPath,
    program: join(root, 'dist/node/cli.js'),
    linkFile: '/etc/peerceptron/room-link',
    configFile,
    memoryMax: '80%',
    isProgramAtHome: false,
  });
  const { command, environment } = commandOf(unit, credentials);
  const [program, ...args] = command as [string, ...string[]];
  const child = spawn(program, [...nodeFlags, ...args], {
    env: { PATH: process.env.PATH, ...environment, XDG_CACHE_HOME: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const watch of [...watchers]) watch();
    });
  let isOver = false;
  const exited = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      isOver = true;
      for (const watch of [...watchers]) watch();
      resolve(code);
    }),
  );
  undo.push(() => {
    child.kill('SIGKILL');
    return exited;
  });
  const lines = (): LogLine[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  /** The first line of that event behind the first `after`. */
  const logged = (event: string, after = 0): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines()
          .slice(after)
          .find((line) => line.event === event);
        if (found) resolve(found);
        else if (isOver) reject(new Error(`the service ended before '${event}':\n${output}`));
        else return;
        watchers.delete(look);
      };
      watchers.add(look);
      look();
    });
  return { unit, child, exited, lines, logged, output: () => output };
}

/** A room in a process of its own, which can be killed and started again. */
async function openServer() {
  const file = join(folder, 'room.txt');
  const start = async (port: number): Promise<{ server: Program; port: number; local: string }> => {
    const server = startProgram([
      'serve',
      '--port',
      String(port),
      '--host',
      '127.0.0.1',
      '--json',
      '--room-file',
      file,
    ]);
    undo.push(() => server.stop('SIGKILL'));
    return { server, ...((await server.firstJson()) as { port: number; local: string }) };
  };
  return { file, ...(await start(0)), start };
}

const requester = (room: RoomLink): Promise<Mesh> =>
  joinReal(room, 'requester', { capabilities: { ...capabilities('requester'), serves: false } });

async function scrape(url: string) {
  const response = await fetch(`${url}metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  return parseExposition(await response.text());
}

describe("the service unit's command", () => {
  it('waits for a server that is not there yet, computes, rejoins after each loss of the server, and leaves in order', async () => {
    // A room that was there once; its server is off.
    const first = await openServer();
    const { port, local, file } = first;
    await first.server.stop();
    const room = parseRoomLink(local);
    const service = startUnit(readFileSync(file, 'utf8').trim(), {
      name: 'the service',
      memory: '100MB',
      'log-format': 'json',
      'log-level': 'debug',
      'metrics-port': 0,
    });
    const { url } = (await service.logged('monitor')) as unknown as { url: string };
    const health = async (): Promise<{ status: number; said: Record<string, unknown> }> => {
      const response = await fetch(`${url}healthz`);
      return { status: response.status, said: (await response.json()) as Record<string, unknown> };
    };
    const waiting = await service.logged('waiting-for-room');
    expect(waiting).toMatchObject({ level: 'warn', code: 'SIGNALING_UNREACHABLE' });
    expect(await health()).toMatchObject({ status: 503, said: { ok: false, phase: 'absent' } });

    let { server } = await first.start(port);
    await service.logged('joined');
    for (let life = 0; life < 2; life++) {
      const before = service.lines().length;
      expect(await health()).toMatchObject({
        status: 200,
        said: { ok: true, signaling: 'open', room: room.room },
      });
      const mesh = await requester(room);
      await until(mesh, () => mesh.members.size === 1);
      const session = await digitsOn(mesh);
      for (let frame = 0; frame < 3; frame++)
        await session.run([Float32Array.from({ length: 32 * 32 }, (_, index) => (index % 7) / 7)]);
      const metrics = await scrape(url);
      expect(metrics.get('peerceptron_frames_total')).toBe(3 * (life + 1));
      expect(metrics.get('peerceptron_tiles_total{outcome="done"}')).toBe(3 * (life + 1));
      expect(metrics.get('peerceptron_tile_compute_seconds_count')).toBe(3 * (life + 1));
      expect(metrics.get('peerceptron_connected_peers')).toBe(1);
      expect(metrics.get('peerceptron_sessions')).toBe(1);
      const epochs = [...metrics].filter(([name]) => name.startsWith('peerceptron_plan_epoch{'));
      expect(epochs.map(([, epoch]) => epoch)).toEqual([0]);
      // Weights of the digits came, and three pictures of 4 KiB; answers went.
      expect(metrics.get('peerceptron_received_bytes_total')).toBeGreaterThan(100_000 * (life + 1));
      expect(metrics.get('peerceptron_sent_bytes_total')).toBeGreaterThan(0);
      expect(metrics.get('process_cpu_seconds_total')).toBeGreaterThan(0);
      expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
      expect(metrics.get('peerceptron_memory_offered_bytes')).toBe(100e6);
      expect(metrics.get('peerceptron_signaling_losses_total')! > 0).toBe(life > 0);
      await session.close();
      await service.logged('session-ended', before);
      await mesh.leave();
      await service.logged('peer-left', before);
      const beforeLoss = service.lines().length;
      await server.stop('SIGKILL');
      await service.logged('signaling-lost', beforeLoss);
      expect(await health()).toMatchObject({ status: 503, said: { ok: false, signaling: 'lost' } });
      ({ server } = await first.start(port));
      await service.logged('signaling-open', beforeLoss);
    }
    // The same member all along: nothing but signaling was lost.
    expect((await scrape(url)).get('peerceptron_joins_total')).toBe(1);

    // Told to stop while somebody counts on it, it says so, and goes when that session has ended.
    const mesh = await requester(room);
    await until(mesh, () => mesh.members.size === 1);
    const session = await digitsOn(mesh);
    const before = service.lines().length;
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    // A plan that never changes cannot do without it.
    await expect(session.run([new Float32Array(32 * 32)])).rejects.toMatchObject({
      code: 'PEER_LOST',
      message: expect.stringContaining('leaving') as string,
    });
    await mesh.leave();
    const last = service.lines().slice(before);
    expect(last.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['leaving', 'session-ended', 'left']),
    );
    expect(service.lines().at(-1)!.event).toBe('left');
    await expect(fetch(`${url}healthz`)).rejects.toThrow();
  });

  it('starts another engine when its own has died, and joins again', async () => {
    const { local } = await openServer();
    const service = startUnit(local, { 'log-format': 'json' }, ['--import', dyingWorker]);
    const first = await service.logged('joined');
    const before = service.lines().length;
    service.child.kill('SIGUSR2');
    const mesh = await requester(parseRoomLink(local));
    await until(mesh, () => mesh.members.size === 1);
    // It is noticed when somebody wants something.
    await expect(digitsOn(mesh)).rejects.toThrow();
    expect(await service.logged('engine-lost', before)).toMatchObject({
      level: 'error',
      code: 'ENGINE_FAILED',
    });
    const second = await service.logged('joined', before);
    expect(second.id).not.toBe(first.id);
    await until(mesh, () => mesh.members.size === 1 && mesh.members.has(second.id as PeerId));
    const session = await digitsOn(mesh);
    expect((await session.run([new Float32Array(32 * 32)])).outputs).toHaveLength(1);
    await session.close();
    await mesh.leave();
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
  });

  it('keeps the link to itself: not in its unit, not among its arguments, in no line of its log', async () => {
    const { local, server } = await openServer();
    const service = startUnit(local, { 'log-format': 'json', 'log-level': 'debug' });
    await service.logged('joined');
    await server.stop('SIGKILL');
    await service.logged('signaling-lost');
    const { secret } = parseRoomLink(local);
    expect(readFileSync(`/proc/${service.child.pid}/cmdline`, 'utf8')).not.toContain(secret);
    expect(readFileSync(`/proc/${service.child.pid}/environ`, 'utf8')).not.toContain(secret);
    expect(service.unit).not.toContain(secret);
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.output()).not.toContain(secret);
  });
});

describe('peerceptron service', () => {
  it('shows with --dry-run what it would write, and writes nothing', async () => {
    const { code, stdout } = await runProgram(
      ['service', 'install', '--dry-run', '--memory-max', '512M', '--share', '50%', '--memory', '100MB'],
      { PEERCEPTRON_NAME: 'kitchen' },
    );
    expect(code).toBe(0);
    for (const part of ['MemoryMax=512M', 'DynamicUser=yes', '/etc/systemd/system/peerceptron.service'])
      expect(stdout).toContain(part);
    const settings = /peer\.json: (\{.*\})/.exec(stdout)![1]!;
    expect(JSON.parse(settings)).toMatchObject({ name: 'kitchen', share: 0.5, memory: 100e6 });
    const { command } = commandOf(stdout, '/run/credentials/x');
    expect(existsSync(command[0]!)).toBe(true);
    expect(command).toContain(join(root, 'dist/node/cli.js'));
  });

  it.each([
    [['service', 'install', '--dry-run', '--memory-max', '80 %\nExecStartPre=/bin/sh']],
    [['service', 'install', '--dry-run', '--share', '25']],
    [['service', 'instal']],
  ])('refuses what it does not understand: %j', async (args) => {
    expect((await runProgram(args)).code).toBe(2);
  });

  it
    .skipIf(existsSync('/run/systemd/system'))
    .each([
      [['install', 'http://127.0.0.1:9/#room.0123456789abcdefghjkmnpqrs']],
      [['status', '--json']],
      [['logs']],
      [['remove']],
    ])('says what to do where there is no systemd (skipped where there is): %j', async (args) => {
    const { code, stderr } = await runProgram(['service', ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/SERVICE_UNAVAILABLE: systemd does not run this machine.*join --url-file/);
  });
});
