import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyOf, type Cell, type FarmRun } from '../../../bench/farm/cells.ts';
import { figuresOf } from '../../../bench/farm/measure-cell.ts';
import { RunStore } from '../../../bench/farm/run-store.ts';
import { mixedSuite, quickSuite, wholeSuite } from '../../../bench/farm/suite.ts';
import { TimeLeft } from '../../../bench/farm/time-left.ts';

describe('the suite of the farm', () => {
  it('measures no cell twice', () => {
    const keys = [...wholeSuite(), ...mixedSuite('mixed.json', 8)].map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('has every network on 1, 4, 8 and 11 devices for both objectives, and 8 over slower links', () => {
    const keys = new Set(wholeSuite().map(keyOf));
    for (const network of ['alexnet', 'vgg16', 'xception', 'c3d'])
      for (const objective of ['latency', 'throughput']) {
        for (const devices of [1, 4, 8, 11])
          expect(keys).toContain(`ours/${network}/${devices}/${objective}/90`);
        for (const megabits of [30, 10]) expect(keys).toContain(`ours/${network}/8/${objective}/${megabits}`);
      }
    expect(keys).toContain('ours/vgg16/11/throughput/90/11800ms');
  });

  it('gives plans for the rate the memory of the goals, and those of the paper what they need', () => {
    const cell = (key: string) => wholeSuite().find((wanted) => keyOf(wanted) === key)!;
    expect(cell('ours/vgg16/8/throughput/90').memoryBytes).toBe(256e6);
    expect(cell('ours/vgg16/4/throughput/90').memoryBytes).toBe(450e6);
    expect(cell('ours/vgg16/8/latency/90').memoryBytes).toBe(1e9);
    // As much as the paper's layout of so many devices has.
    expect(cell('ours/vgg16/11/throughput/90').memoryBytes).toBe(1e9);
    expect(cell('paper/vgg16/11/throughput/90').memoryBytes).toBe(1e9);
  });

  it('has a quick form of few and short cells', () => {
    expect(quickSuite().length).toBeLessThan(8);
    expect(quickSuite().every(({ network, frames }) => network === 'alexnet' && frames < 10)).toBe(true);
  });
});

describe('time that is left', () => {
  it('goes by what cells of the same network took, or by all', () => {
    const left = new TimeLeft(['vgg16', 'vgg16', 'vgg16', 'alexnet', 'alexnet']);
    expect(left.ms()).toBeUndefined();
    left.took('vgg16', 60_000);
    expect(left.ms()).toBe(4 * 60_000);
    left.took('alexnet', 10_000);
    left.skip('vgg16');
    expect(left.ms()).toBe(60_000 + 10_000);
    expect(left.sentence()).toBe('about 70 s left');
  });
});

describe('what devices took', () => {
  const figures = (name: string, by: number) => ({
    name,
    computeMs: 10 * by,
    otherMs: 4 * by,
    residentBytes: 1,
    peakResidentBytes: 100 * by,
    sentBytes: 1000 * by,
    receivedBytes: 0,
  });

  it('is counted per frame: sent by all, the rest by the devices that the plan uses', () => {
    const before = ['a', 'b', 'asks'].map((name) => figures(name, 1));
    const after = [figures('a', 5), figures('b', 3), figures('asks', 2)];
    const took = figuresOf({ before, after, used: ['a', 'b'], frames: 2 });
    expect(took.bytesPerFrame).toBe((4000 + 2000 + 1000) / 2);
    expect(took.processors).toEqual({ computeMs: 15, otherMs: 6 });
    expect(took.memoryBytes).toEqual({ mean: 400, most: 500 });
    expect(took.devices.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('a run that is kept', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'farm-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const run: FarmRun = {
    commit: 'a'.repeat(40),
    machine: { cpu: 'one', cores: 2, memoryBytes: 1e9, os: 'Linux', node: '20' },
    startedAt: '2026-11-28T10:00:00.000Z',
    command: 'npm run bench -- farm',
    calibration: {
      share: 0.06,
      vgg16Ms: 10_400,
      goalMs: 10_370,
      hopMs: { smallP50: 9, smallP95: 20, megabyteP50: 100 },
      kind: 'namespaces',
    },
    cells: [],
  };
  const cell = {
    method: 'lanes',
    network: 'vgg16',
    devices: 8,
    objective: 'latency',
    megabitsPerSecond: 90,
    state: 'refused',
    why: 'no room',
  } as const satisfies Partial<Cell>;

  it('goes on where it was broken off, on the same machine at the same commit, with devices of the same speed', () => {
    const file = join(folder, 'deep', 'run.json');
    RunStore.anew(file, run).add(cell);
    expect(RunStore.goingOn(file, run)?.has(cell)).toBe(true);
    expect(RunStore.goingOn(file, run)?.run.calibration).toEqual(run.calibration);
    expect(RunStore.goingOn(file, { ...run, commit: 'b'.repeat(40) })).toBeUndefined();
    expect(RunStore.goingOn(file, { ...run, command: 'npm run bench -- farm --quick' })).toBeUndefined();
    const other = { ...run, machine: { ...run.machine, cpu: 'another' } };
    expect(RunStore.goingOn(file, other)).toBeUndefined();
  });

  it('begins anew after one that was finished, where the tree is modified, and where the file is none', () => {
    const file = join(folder, 'run.json');
    const store = RunStore.anew(file, run);
    store.add(cell);
    const reported = join(folder, 'reported.json');
    store.finish('2026-11-28T11:00:00.000Z', reported);
    expect(JSON.parse(readFileSync(reported, 'utf8'))).toMatchObject({ cells: [cell] });
    expect(RunStore.goingOn(file, run)).toBeUndefined();
    const modified = { ...run, commit: `${run.commit}-modified` };
    RunStore.anew(file, modified).add(cell);
    expect(RunStore.goingOn(file, modified)).toBeUndefined();
    writeFileSync(file, '{');
    expect(RunStore.goingOn(file, run)).toBeUndefined();
  });

  it('has cells measured again, which say of which commit they are', () => {
    const [file, reported] = [join(folder, 'run.json'), join(folder, 'reported.json')];
    const store = RunStore.anew(file, run);
    const other = { ...cell, devices: 4 };
    store.add(cell);
    store.add(other);
    const { machine } = run;
    const asked = { commit: 'b'.repeat(40), machine, pattern: /\/8\// };
    expect(() => RunStore.again(file, file, asked)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    store.finish('2026-11-28T11:00:00.000Z', reported);
    const elsewhere = { ...asked, machine: { ...machine, cpu: 'another' } };
    expect(() => RunStore.again(file, reported, elsewhere)).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
    const again = RunStore.again(file, reported, asked);
    expect(again.has(cell)).toBe(false);
    expect(again.has(other)).toBe(true);
    again.add({ ...cell, why: 'still no room' });
    const { commit, cells } = again.finish('2026-11-28T12:00:00.000Z', reported);
    expect(commit).toBe(run.commit);
    expect(cells).toMatchObject([other, { devices: 8, why: 'still no room', commit: asked.commit }]);
    expect(cells[0]).not.toHaveProperty('commit');
  });
});
