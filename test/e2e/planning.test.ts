import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { InferReport } from '../support/infer-report.ts';
import { runProgram, startProgram } from '../support/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'peerceptron-plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface PlanReport {
  readonly latencyMs: number;
  readonly framesPerSecond: number;
  readonly gain?: number;
  readonly devices: readonly {
    readonly name: string;
    readonly computeShare: number;
    readonly memoryBytes: number;
    readonly offeredBytes: number;
    readonly tiles: readonly unknown[];
  }[];
  readonly leftOut: readonly { readonly name: string; readonly explanation: string }[];
  readonly plan: { readonly segments: readonly unknown[] };
  readonly own?: { readonly prediction: { readonly latencyMs: number } };
}

describe('plan', () => {
  it('tells a person what AlexNet would do on four Pis, in 80 columns', async () => {
    const { code, stdout, stderr } = await runProgram(['plan', '--model', 'alexnet', '--devices', 'pi3*4']);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^alexnet on \d of 4 devices|^alexnet on 4 devices/);
    expect(stdout).toContain('Bottleneck: ');
    expect(stdout).toMatch(/^pi3-1 +\d+ %/m);
    expect(stdout).toMatch(/^pi3-1 +│/m);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('gives machines everything, for a devices file: shares that add up, memory within the offers', async () => {
    const args = [
      'plan',
      '--model',
      'alexnet',
      '--devices',
      'examples/devices.json',
      '--objective',
      'throughput',
      '--json',
    ];
    const { code, stdout, stderr } = await runProgram(args);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as PlanReport;
    expect(report.devices.length + report.leftOut.length).toBe(5);
    expect(report.devices.reduce((sum, { computeShare }) => sum + computeShare, 0)).toBeCloseTo(1, 6);
    for (const { memoryBytes, offeredBytes } of report.devices)
      expect(memoryBytes).toBeLessThanOrEqual(offeredBytes);
    for (const { explanation } of report.leftOut) expect(explanation).not.toBe('');
    expect(report.gain).toBeGreaterThanOrEqual(1);
  });

  it('writes a plan that infer runs, exactly, and a picture', async () => {
    const plan = join(folder, 'plan.json');
    const picture = join(folder, 'plan.svg');
    const made = await runProgram([
      'plan',
      '--model',
      'digits',
      '--devices',
      'pi3*2',
      '--objective',
      'throughput',
      '--out',
      plan,
      '--svg',
      picture,
    ]);
    expect(made.code, made.stderr).toBe(0);
    expect(readFileSync(picture, 'utf8')).toMatch(/^<svg /);
    const run = await runProgram([
      'infer',
      '--random-input',
      '2',
      '--model',
      'digits',
      '--peers',
      '2',
      '--plan',
      plan,
      '--verify',
      '--json',
    ]);
    expect(run.code, run.stderr).toBe(0);
    expect((JSON.parse(run.stdout) as InferReport).verify).toMatchObject({ withinTolerance: true });
  });

  it('judges a plan of a file, beside its own', async () => {
    const args = [
      'plan',
      '--model',
      'alexnet',
      '--devices',
      'pi3*5',
      '--plan',
      'examples/plans/alexnet-6.json',
      '--json',
    ];
    const { code, stdout, stderr } = await runProgram(args);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as PlanReport;
    expect(report.plan.segments).toHaveLength(
      (JSON.parse(readFileSync('examples/plans/alexnet-6.json', 'utf8')) as PlanReport['plan']).segments
        .length,
    );
    expect(report.own!.prediction.latencyMs).toBeLessThanOrEqual(report.latencyMs);
  });

  const notJson = join(folder, 'not.json');
  writeFileSync(notJson, '{ "devices": ');
  it.each([
    ['no devices', [], 2, /USAGE: .*--devices/],
    [
      'a file that is not there',
      ['--devices', 'nowhere.json'],
      1,
      /DEVICES_INVALID: .*'nowhere.json' does not exist/,
    ],
    ['a file that is not JSON', ['--devices', notJson], 1, /DEVICES_INVALID: .* is not JSON/],
    ['an unknown preset', ['--devices', 'pi9*2'], 1, /DEVICES_INVALID: 'pi9\*2' .*pi3, pi4, pi5/],
    ['an unknown model', ['--devices', 'pi3', '--model', 'nosuch'], 1, /MODEL_NOT_FOUND: .*'nosuch'/],
    [
      'a plan file that is not there',
      ['--devices', 'pi3', '--plan', 'nowhere.json'],
      1,
      /PLAN_INVALID: .*nowhere/,
    ],
    [
      'flags that contradict each other',
      ['--devices', 'pi3', '--fps', '2', '--objective', 'latency'],
      2,
      /USAGE: --fps/,
    ],
    [
      'a rate that cannot be reached, and says which can',
      ['--devices', 'pi3*2', '--fps', '10000'],
      1,
      /PLAN_RATE: no plan reaches 10000 frames per second: the best one is expected to do [\d.]+/,
    ],
    [
      'too little memory, and says how much is missing',
      ['--devices', 'pi3', '--model', 'vgg16'],
      1,
      /PLAN_MEMORY: .*\d+ MB are missing/,
    ],
  ])('refuses %s', async (_, args, exit, message) => {
    // A flag that is given twice counts as it was given last.
    const { code, stdout, stderr } = await runProgram(['plan', '--model', 'digits', ...args]);
    expect(code, stdout + stderr).toBe(exit);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
  });
});

describe('plan --room', () => {
  it('plans for the devices of a room, by what they have measured of themselves', async () => {
    const server = startProgram(['serve', '--port', '0', '--peers', '2', '--json']);
    try {
      const { local } = (await server.firstJson()) as { readonly local: string };
      const args = ['plan', '--model', 'digits', '--room', local, '--objective', 'throughput', '--json'];
      const { code, stdout, stderr } = await runProgram(args);
      expect(code, stderr).toBe(0);
      const report = JSON.parse(stdout) as PlanReport & {
        readonly profiles: readonly {
          readonly name: string;
          readonly profile: { readonly engine: string };
        }[];
      };
      expect(report.profiles.map(({ name }) => name).sort()).toEqual(['peer-1', 'peer-2']);
      expect(report.profiles.every(({ profile }) => /^(native|tfjs-wasm)/.test(profile.engine))).toBe(true);
      expect(report.framesPerSecond).toBeGreaterThan(0);
      expect(report.devices.length + report.leftOut.length).toBe(2);
      // What a room has measured is a device of a file: the same profiles can be planned with later.
      const devices = join(folder, 'measured.json');
      const measured = report.profiles.map(({ name, profile }) => ({ name, profile }));
      writeFileSync(devices, JSON.stringify({ devices: measured }));
      const again = await runProgram(['plan', '--model', 'digits', '--devices', devices, '--json']);
      expect(again.code, again.stderr).toBe(0);
    } finally {
      await server.stop('SIGTERM');
    }
  });
});

describe('simulate', () => {
  const base = [
    'simulate',
    '--model',
    'digits',
    '--devices',
    'pi3',
    '--counts',
    '1-3,6',
    '--objective',
    'throughput',
  ];

  it('shows the curve, its knee and what was drawn', async () => {
    const { code, stdout, stderr } = await runProgram([...base, '--speeds', '0.5-2', '--draws', '3']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('median and extremes of 3 draws, seed 1');
    expect(stdout).toMatch(/Knee at \d+ devices?|No knee up to 6 devices/);
    expect(stdout.match(/│█/g)).toHaveLength(4);
    for (const line of stdout.split('\n').slice(2)) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('gives the same CSV for the same seed, never worse with more devices', async () => {
    const args = [
      ...base,
      '--speeds',
      '0.5-2',
      '--rates',
      '10-100',
      '--draws',
      '2',
      '--budget',
      '60',
      '--csv',
    ];
    const [first, second] = await Promise.all([runProgram(args), runProgram(args)]);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toBe(second.stdout);
    const [header, ...rows] = first.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(rows.map(([devices]) => devices)).toEqual(['1', '2', '3', '6']);
    const rates = rows.map((row) => Number(row[header!.indexOf('fps_median')]));
    expect([...rates].sort((a, b) => a - b)).toEqual(rates);
  });

  it('writes a picture, and one JSON document on stdout', async () => {
    const picture = join(folder, 'curve.svg');
    const { code, stdout, stderr } = await runProgram([...base, '--svg', picture, '--json']);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as { points: unknown[]; knee: { kind: string } };
    expect(report.points).toHaveLength(4);
    expect(readFileSync(picture, 'utf8')).toContain('<desc id="desc">');
  });

  it('says for which numbers of devices there is no plan', async () => {
    const args = [
      'simulate',
      '--model',
      'alexnet',
      '--devices',
      'pi3',
      '--counts',
      '1,8',
      '--memory',
      '100MB',
    ];
    const { code, stdout, stderr } = await runProgram(args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^1 +–.*no plan fits$/m);
    expect(stdout).toMatch(/MB are\s+missing/);
  });

  it.each([
    ['an unknown preset', ['--devices', 'pi3*4'], 1, /DEVICES_INVALID: .*'pi3\*4'/],
    ['counts that are none', ['--counts', '0-4'], 2, /whole number from 1/],
    ['too many devices', ['--counts', '1,2000'], 2, /up to 1000/],
    ['ranges the wrong way round', ['--speeds', '2-1'], 2, /numbers, as 0.5-2/],
    ['more loss than half', ['--loss', '0-0.9'], 2, /--loss/],
    ['two formats at once', ['--csv', '--json'], 2, /not both/],
  ])('refuses %s', async (_, args, exit, message) => {
    const { code, stderr } = await runProgram([...base, ...args]);
    expect(code).toBe(exit);
    expect(stderr).toMatch(message);
  });
});
