import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSoloDevice } from '../../bench/farm/baselines/solo-device.ts';
import { keyOf, onlyKey, type Cell, type CellResult } from '../../bench/farm/cells.ts';
import { equalFarm } from '../../bench/farm/description.ts';
import { openFarm, type Farm } from '../../bench/farm/devices.ts';
import { FARM_SEED, measureAlone, measureOnFarm, type CellWorld } from '../../bench/farm/measure-cell.ts';
import { whyNoNetwork } from '../../bench/farm/namespaces.ts';
import { openPortableFarm } from '../../bench/farm/portable-farm.ts';
import type { FarmPrograms } from '../../bench/farm/programs.ts';
import { startRequester } from '../../bench/farm/requester.ts';
import { quickSuite, type Wanted } from '../../bench/farm/suite.ts';
import { openCpuGroups } from '../../bench/cgroup.ts';
import { Sequence } from '../../src/engine/sequential.ts';
import { buildNodeProgram } from '../support/node-program.ts';

const missing = whyNoNetwork() ?? whyNoGroups();
const because = missing === undefined ? '' : ` (skipped: ${missing})`;

function whyNoGroups(): string | undefined {
  try {
    openCpuGroups().release();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const device = { share: 0.2, otherCores: 3, memoryBytes: 1e9, megabitsPerSecond: 90 };
const wanted: Wanted = {
  ...quickSuite().find(({ method, objective }) => method === 'ours' && objective === 'latency')!,
  traced: false,
  devices: 2,
  frames: 4,
  memoryBytes: 1e9,
};

let programs: FarmPrograms;
let requesterProgram = '';
let solo = '';
let answer: Float32Array;
beforeAll(async () => {
  const built = (name: string): Promise<string> => buildNodeProgram(`bench/farm/${name}.process.ts`, name);
  programs = {
    peer: 'dist/node/cli.js',
    delayedPeer: await built('farm-peer'),
    signaling: await built('farm-signaling'),
    floor: await built('farm-floor'),
  };
  requesterProgram = await built('requester');
  solo = await buildNodeProgram('bench/farm/baselines/solo.process.ts', 'solo');
  const alone = startSoloDevice({ program: solo });
  await alone.load({ runtime: 'engine', network: 'alexnet' });
  answer = Float32Array.from((await alone.run(FARM_SEED, { output: true })).output!);
  await alone.stop();
}, 180_000);

const undo: (() => unknown)[] = [];
const undoAll = async (): Promise<void> => {
  for (const step of undo.splice(0).reverse()) await step();
};
afterAll(undoAll);

async function worldOf(farm: Farm): Promise<CellWorld> {
  const { requesterCommand: command, requesterEnvironment: environment } = farm;
  const requester = await startRequester({ command, environment, program: requesterProgram });
  undo.push(() => requester.stop());
  await farm.adoptRequester(requester.pid);
  const peers = await requester.ask({ type: 'gather', count: farm.description.devices.length });
  const idOf = new Map(peers.map(({ id, name }) => [name, id]));
  return { farm, requester, idOf, answerOf: () => Promise.resolve(answer) };
}

describe('a cell of the farm', () => {
  it.skipIf(missing)(`is measured on devices in namespaces, and right${because}`, async () => {
    const farm = await openFarm(undo, { description: equalFarm(2, device), programs, say: () => undefined });
    const cell = await measureOnFarm(await worldOf(farm), wanted);
    await undoAll();
    expect(cell).toMatchObject({ state: 'measured', frames: 4 });
    if (cell.state !== 'measured') return;
    expect(cell.difference).toBeLessThan(1e-3);
    expect(cell.predicted!.framesPerSecond).toBeGreaterThan(0);
    // A picture in, 1,000 numbers out, and what lies between.
    expect(cell.bytesPerFrame).toBeGreaterThan(224 * 224 * 3);
    expect(cell.processors.computeMs).toBeGreaterThan(0);
    expect(cell.memoryBytes.most).toBeGreaterThan(50e6);
    expect(cell.joulesPerFrame).toBeGreaterThan(0);
  });

  it('is measured where there are no namespaces, too, and says why one cannot be', async () => {
    const farm = await openPortableFarm(undo, { description: equalFarm(2, device), programs });
    const world = await worldOf(farm);
    const cell = await measureOnFarm(world, { ...wanted, objective: 'latency', traced: true });
    expect(cell).toMatchObject({ state: 'measured', bytesPerFrame: 0 });
    if (cell.state !== 'measured') return;
    expect(cell.difference).toBeLessThan(1e-3);
    const { compute, link, wait } = cell.where!;
    expect(compute + link + wait).toBeCloseTo(1, 6);
    const refused = await measureOnFarm(world, { ...wanted, memoryBytes: 130e6 });
    expect(refused).toMatchObject({ state: 'refused', why: expect.stringMatching(/MB/) as string });
    await undoAll();
  });

  it('is not measured again where its plan is that of another one', async () => {
    const farm = await openPortableFarm(undo, { description: equalFarm(2, device), programs });
    const world = await worldOf(farm);
    const asked: string[] = [];
    const requester: CellWorld['requester'] = {
      ...world.requester,
      ask: (command) => {
        asked.push(command.type);
        return world.requester.ask(command);
      },
    };
    const alone: Wanted = { ...wanted, devices: 1 };
    const { predicted, ...first } = (await measureOnFarm(world, alone)) as CellResult;
    const known = { ...onlyKey(alone), ...first, at: new Date().toISOString() };
    const asPipeline = (earlier: readonly Cell[]): ReturnType<typeof measureOnFarm> =>
      measureOnFarm({ ...world, requester }, { ...alone, method: 'pipeline' }, earlier);
    expect(await asPipeline([{ ...known, plan: 'another' }])).not.toHaveProperty('sameAs');
    expect(asked).toContain('run');
    asked.length = 0;
    expect(await asPipeline([known])).toMatchObject({ ...first, sameAs: keyOf(alone) });
    expect(asked).toEqual(['plan']);
    expect(predicted!.latencyMs).toBeGreaterThan(0);
    await undoAll();
  });

  it('is measured of another runtime on one device', async () => {
    const options = { share: 0.5, answer, program: solo, turns: new Sequence() };
    const cell = await measureAlone('onnxruntime-web', { network: 'alexnet', frames: 2 }, options);
    expect(cell).toMatchObject({ state: 'measured', frames: 2, used: 1 });
    if (cell.state === 'measured') expect(cell.difference).toBeLessThan(1e-3);
  });
});
