import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFarm, type Farm } from '../../bench/farm/devices.ts';
import { measureFloor } from '../../bench/farm/floor.ts';
import { startLineProcess, type LineProcess } from '../../bench/farm/line-process.ts';
import { isRunning, whyNoNetwork } from '../../bench/farm/namespaces.ts';
import { openFarmNetwork, type FarmNetwork } from '../../bench/farm/network.ts';
import { usageOf } from '../../bench/farm/process-usage.ts';
import type { FarmPrograms } from '../../bench/farm/programs.ts';
import { openCpuGroups } from '../../bench/cgroup.ts';
import { openMemoryGroups } from '../../bench/cgroup/memory.ts';
import { buildNodeProgram } from '../support/node-program.ts';
import type { Transfer } from './farm-child.ts';
import { leavingsOf } from './farm-leavings.ts';

const missing = whyNoNetwork() ?? whyNoGroups();
const because = missing === undefined ? '' : ` (skipped: ${missing})`;

function whyNoGroups(): string | undefined {
  try {
    openCpuGroups().release();
    openMemoryGroups().release();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const SHARE = 0.05;
const DELAY_MS = 15;

let child = '';
let programs: FarmPrograms;
const undo: (() => unknown)[] = [];
const undoAll = async (): Promise<void> => {
  for (const step of undo.splice(0).reverse()) await step();
};

beforeAll(async () => {
  if (missing !== undefined) return;
  const built = (name: string): Promise<string> => buildNodeProgram(`bench/farm/${name}.process.ts`, name);
  child = await buildNodeProgram('test/chaos/farm-child.ts', 'farm-child');
  programs = {
    peer: 'dist/node/cli.js',
    delayedPeer: await built('farm-peer'),
    signaling: await built('farm-signaling'),
    floor: await built('farm-floor'),
  };
});
afterAll(undoAll);

const started = (command: readonly string[], ...args: string[]): LineProcess => {
  const program = startLineProcess([...command, process.execPath, ...args]);
  undo.push(() => program.end());
  return program;
};

describe.skipIf(missing)(`the network of a farm${because}`, () => {
  const devices = ['one', 'two', 'three'].map((name) => ({ name, megabitsPerSecond: 40 }));
  let network: FarmNetwork;
  let receiver: LineProcess;
  let port = 0;

  beforeAll(async () => {
    network = openFarmNetwork(devices);
    undo.push(() => network.close());
    receiver = started(network.commandOf('one'), child, 'receive');
    ({ port } = (await receiver.next()) as { port: number });
  });
  afterAll(async () => {
    await undoAll();
    expect(leavingsOf(process.pid)).toEqual([]);
  });

  async function transfer(from: string, bytes: number): Promise<Transfer> {
    started(network.commandOf(from), child, 'send', network.addressOf('one'), String(port), String(bytes));
    return (await receiver.next()) as Transfer;
  }

  /** Bytes per millisecond, from the first to the last. */
  const rateOf = (...transfers: Transfer[]): number =>
    transfers.reduce((sum, { bytes }) => sum + bytes, 0) /
    (Math.max(...transfers.map(({ untilMs }) => untilMs)) -
      Math.min(...transfers.map(({ sinceMs }) => sinceMs)));

  it('keeps the rate of the device that sends: a second at 40 Mbit/s, and one at 10', async () => {
    const fast = rateOf(await transfer('two', 6e6));
    network.setRate('two', 10);
    const slow = rateOf(await transfer('two', 1.5e6));
    network.setRate('two', 40);
    expect(fast / slow).toBeGreaterThan(4 * 0.85);
    expect(fast / slow).toBeLessThan(4 * 1.15);
  });

  it('keeps the rate of the device that gets it, over all that send', async () => {
    const both = rateOf(...(await Promise.all([transfer('two', 4e6), transfer('three', 4e6)])));
    const alone = rateOf(await transfer('two', 6e6));
    expect(both / alone).toBeGreaterThan(0.85);
    expect(both / alone).toBeLessThan(1.15);
  });

  it('counts what each device sends and gets', async () => {
    const before = network.traffic();
    await transfer('three', 2e6);
    const after = network.traffic();
    const grown = (device: string, what: 'sentBytes' | 'receivedBytes'): number =>
      after.get(device)![what] - before.get(device)![what];
    for (const bytes of [grown('three', 'sentBytes'), grown('one', 'receivedBytes')]) {
      expect(bytes).toBeGreaterThan(2e6);
      expect(bytes).toBeLessThan(2.2e6);
    }
    expect(grown('two', 'sentBytes')).toBeLessThan(1e4);
  });

  it('has names for devices, and no others', () => {
    expect(() => openFarmNetwork([{ name: 'a b', megabitsPerSecond: 1 }])).toThrow('names of their own');
    expect(() => network.commandOf('four')).toThrow("no device 'four'");
  });
});

describe.skipIf(missing)(`a farm${because}`, () => {
  let farm: Farm;
  const device = { share: SHARE, memoryBytes: 400e6, megabitsPerSecond: 90 };

  beforeAll(async () => {
    farm = await openFarm(undo, {
      programs,
      say: () => undefined,
      description: {
        devices: [
          { ...device, name: 'near' },
          { ...device, name: 'far', delayMs: DELAY_MS },
        ],
        requester: { ...device, name: 'requester' },
      },
    });
  });
  afterAll(async () => {
    const pids = farm.peers.map(({ pid }) => pid);
    await undoAll();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(leavingsOf(process.pid)).toEqual([]);
  });

  it('has peers that reach each other, the one with a delay later', async () => {
    const [near, far] = farm.peers;
    const nearMs = await measureFloor(farm, { trips: 20, peer: near!, programs });
    const farMs = await measureFloor(farm, { trips: 20, peer: far!, programs });
    expect(farMs.smallP50).toBeGreaterThanOrEqual(2 * DELAY_MS);
    expect(farMs.smallP50).toBeGreaterThan(nearMs.smallP50);
    // At 11,250 bytes a millisecond.
    expect(nearMs.megabyteP50).toBeGreaterThan(1e6 / 11_250);
  });

  it('holds all threads but the computing one to a share, from `limit` to `free`', async () => {
    await farm.limit();
    const busy = started(farm.requesterCommand, '-e', 'for (;;);');
    await farm.adoptRequester(busy.pid);
    const limited = await coresOf(busy.pid, 60);
    await farm.free();
    const free = await coresOf(busy.pid, 400);
    process.kill(busy.pid);
    await busy.end();
    expect(limited).toBeLessThan(SHARE * 1.5);
    expect(free).toBeGreaterThan(SHARE * 3);
  });

  it('tells what each device has used', () => {
    const [near, far, ...others] = farm.figures();
    expect([near!.name, far!.name, others.length]).toEqual(['near', 'far', 0]);
    for (const figures of [near!, far!]) {
      expect(Math.min(figures.computeMs, figures.otherMs, figures.sentBytes)).toBeGreaterThan(0);
      expect(figures.residentBytes).toBeGreaterThan(30e6);
      expect(figures.peakResidentBytes).toBeGreaterThanOrEqual(figures.residentBytes);
    }
  });

  it('ends a program that wants more memory than its device has', async () => {
    const eats =
      'process.stdin.once("data", () => { const all = []; for (;;) all.push(Buffer.alloc(1e7, 1)); })';
    const greedy = started(farm.requesterCommand, '-e', eats);
    await farm.adoptRequester(greedy.pid);
    await farm.limit();
    greedy.tell('eat');
    await expect(greedy.next()).rejects.toThrow('SIGKILL');
    await farm.free();
  });
});

describe.skipIf(missing)(`a farm whose runner ends too early${because}`, () => {
  async function opened(): Promise<{ runner: LineProcess; peers: number[] }> {
    const runner = started([], child, 'farm', JSON.stringify(programs));
    const { peers } = (await runner.next()) as { peers: number[] };
    return { runner, peers };
  }

  it('by Ctrl-C leaves nothing behind', async () => {
    const { runner, peers } = await opened();
    process.kill(runner.pid, 'SIGINT');
    await expect(runner.next()).rejects.toThrow('code 130');
    expect(leavingsOf(runner.pid)).toEqual([]);
    expect(peers.filter(isRunning)).toEqual([]);
  });

  it('by `kill -9` is removed by the next one: namespaces, processes and control groups', async () => {
    const { runner, peers } = await opened();
    // Peers that stand still cannot end with their parent.
    for (const peer of peers) process.kill(peer, 'SIGSTOP');
    process.kill(runner.pid, 'SIGKILL');
    await expect(runner.next()).rejects.toThrow('SIGKILL');
    expect(leavingsOf(runner.pid).length).toBeGreaterThan(0);
    expect(peers.map(isRunning)).toEqual([true]);

    const network = openFarmNetwork([{ name: 'next', megabitsPerSecond: 90 }]);
    openCpuGroups().release();
    openMemoryGroups().release();
    network.close();
    expect([...leavingsOf(runner.pid), ...leavingsOf(process.pid)]).toEqual([]);
    expect(peers.filter(isRunning)).toEqual([]);
  });
});

/** Of one core, while it uses so many milliseconds of one. */
async function coresOf(pid: number, usedMs: number): Promise<number> {
  const [since, before] = [performance.now(), usageOf(pid).otherMs];
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const used = usageOf(pid).otherMs - before;
    if (used >= usedMs) return used / (performance.now() - since);
  }
}
