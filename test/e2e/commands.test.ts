import { execFileSync } from 'node:child_process';
import type { InferReport } from '../support/infer-report.ts';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { isAlive, runProgram, startProgram } from '../support/program.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface ServeReport {
  readonly port: number;
  readonly local: string;
  readonly links: readonly string[];
  readonly peers: readonly { readonly name: string; readonly pid: number; readonly id: string }[];
  readonly demo?: {
    readonly results: readonly {
      readonly input: string;
      readonly top: readonly { readonly label: string }[];
    }[];
    readonly verify: { readonly withinTolerance: boolean };
  };
}

describe('serve', () => {
  it('runs the demo, serves the page, and takes its peers with it when it stops', async () => {
    const server = startProgram(['serve', '--port', '0', '--peers', '2', '--demo', '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const report = (await server.firstJson()) as ServeReport;
    expect(report.links.every((link) => !/localhost|127\.0\.0\.1/.test(link))).toBe(true);
    expect(report.demo!.verify.withinTolerance).toBe(true);
    for (const { input, top } of report.demo!.results) {
      expect(top[0]!.label, input).toBe(/(\d)-[^/]*$/.exec(input)![1]);
    }
    const page = await fetch(`http://127.0.0.1:${report.port}/`);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(await page.text()).toContain('<script');
    expect(report.peers.every(({ pid }) => isAlive(pid))).toBe(true);
    const { code } = await server.stop();
    expect(code).toBe(0);
    expect(report.peers.some(({ pid }) => isAlive(pid))).toBe(false);
  });

  it('says that a port is taken and takes the next free one', async () => {
    const squatter = createServer();
    const port = await new Promise<number>((resolve) =>
      squatter.listen(0, () => resolve((squatter.address() as { port: number }).port)),
    );
    undo.push(() => squatter.close());
    const server = startProgram(['serve', '--port', String(port), '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const report = (await server.firstJson()) as ServeReport;
    expect(report.port).toBeGreaterThan(port);
    const { stderr } = await server.stop();
    expect(stderr).toContain(`Port ${port} is taken`);
  });
});

describe('join', () => {
  it('reads the link from the environment, joins, and ends with whoever started it', async () => {
    const server = startProgram(['serve', '--port', '0', '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const { local } = (await server.firstJson()) as ServeReport;
    const peer = startProgram(['join', '--json', '--parent', '--name', 'test-peer'], {
      PEERCEPTRON_URL: local,
    });
    undo.push(() => peer.stop('SIGKILL'));
    const joined = await peer.line((line) => (line.includes('"joined"') ? line : undefined));
    expect(joined).not.toContain(local.split('#')[1]!.split('.')[1]!);
    peer.process.stdin!.end();
    const { code, stdout } = await peer.finished;
    expect(code).toBe(0);
    expect(stdout).toContain('"left"');
  });

  it('wants a room', async () => {
    const run = await runProgram(['join', '--json'], { PEERCEPTRON_URL: '' });
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('which room?');
  });
});

describe('inspect', () => {
  it('gives parameters, multiply-accumulates and layers', async () => {
    const { code, stdout } = await runProgram(['inspect', 'digits', '--json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as {
      parameters: number;
      macs: number;
      layers: { parameters: number; macs: number }[];
      cuts: unknown[];
    };
    const sum = (pick: (layer: { parameters: number; macs: number }) => number): number =>
      report.layers.reduce((total, layer) => total + pick(layer), 0);
    expect(report.parameters).toBe(sum((layer) => layer.parameters));
    expect(report.macs).toBe(sum((layer) => layer.macs));
    expect(report.parameters).toBeGreaterThan(10_000);
    expect(report.macs).toBeGreaterThan(report.parameters);
    expect(report.cuts.length).toBe(report.layers.length - 1);
  });

  it('gets large output out whole, however slow its reader is', () => {
    const command = `"${process.execPath}" bin/peerceptron.mjs inspect xception --json | (sleep 1; cat)`;
    const text = execFileSync('sh', ['-c', command], { encoding: 'utf8', maxBuffer: 1e8 });
    expect(text.length).toBeGreaterThan(65_536);
    expect((JSON.parse(text) as { parameters: number }).parameters).toBe(22_910_480);
  });

  it('prints a table for people', async () => {
    const { stdout } = await runProgram(['inspect', 'digits']);
    expect(stdout).toContain('parameters');
    expect(stdout).toContain('conv1');
  });
});

describe('presets', () => {
  it.each([
    ['alexnet', 61_100_840],
    ['vgg16', 138_357_544],
    ['xception', 22_910_480],
    ['c3d', 79_991_015],
  ])('inspect %s prints the published number of parameters, %i', async (name, parameters) => {
    const { code, stdout } = await runProgram(['inspect', name, '--json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as {
      parameters: number;
      weights: string;
      layers: { tileableAxes: number[] }[];
      cuts: { tensors: unknown[] }[];
    };
    expect(report.parameters).toBe(parameters);
    expect(report.weights).toBe('random (seed 1)');
    expect(report.cuts).toHaveLength(report.layers.length - 1);
    // Only Xception has places where more than one tensor is alive.
    expect(report.cuts.some(({ tensors }) => tensors.length > 1)).toBe(name === 'xception');
  });

  it('inspect --original shows the batch norms that are folded when it runs', async () => {
    const { stdout } = await runProgram(['inspect', 'xception', '--original', '--json']);
    const report = JSON.parse(stdout) as { layers: { op: string; parameters: number }[] };
    expect(report.layers.filter(({ op }) => op === 'batch-norm')).toHaveLength(40);
    expect(report.layers.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(22_910_480);
  });

  it('infer runs one on random input with random weights that nobody sends, and says so (AlexNet, heavy)', async () => {
    const pipeline = writePipelinePlan((await loadModelByName('alexnet')).graph, 2);
    const args = ['--random-input', '--model', 'alexnet', '--seed', '5', '--verify', '--json'];
    const { code, stdout, stderr } = await runProgram(['infer', ...args, ...pipeline.flags]);
    pipeline.remove();
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as InferReport & { weights: string };
    expect(report.weights).toBe('random (seed 5)');
    expect(report.verify).toMatchObject({ withinTolerance: true, sameTop1: true });
    expect(report.peers.reduce((sum, { weightBytes }) => sum + weightBytes, 0)).toBe(61_100_840 * 4);
  });

  it('infer wants pictures or random input, not both, not neither', async () => {
    for (const inputs of [[], ['picture.png', '--random-input', '2']]) {
      const { code, stderr } = await runProgram(['infer', ...inputs, '--model', 'digits', '--peers', '1']);
      expect(code).toBe(2);
      expect(stderr).toContain('--random-input');
    }
  });
});

describe('doctor', () => {
  interface DoctorReport {
    readonly healthy: boolean;
    readonly checks: readonly { readonly name: string; readonly verdict: string; readonly message: string }[];
  }

  it('finds nothing wrong in a room that works', async () => {
    const server = startProgram(['serve', '--port', '0', '--peers', '1', '--json']);
    undo.push(() => server.stop('SIGKILL'));
    const { local } = (await server.firstJson()) as ServeReport;
    const run = await runProgram(['doctor', local, '--json']);
    const report = JSON.parse(run.stdout) as DoctorReport;
    expect(report.checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'link',
      'port',
      'signaling',
      'devices',
      'udp',
      'addresses',
      'engine',
      'memory',
    ]);
    expect(run.code).toBe(0);
  });

  it('says in words that nothing listens at a port', async () => {
    const run = await runProgram(['doctor', `http://127.0.0.1:9/#a.${'0'.repeat(26)}`, '--json']);
    expect(run.code).toBe(1);
    const { checks } = JSON.parse(run.stdout) as DoctorReport;
    expect(checks.find(({ name }) => name === 'port')).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('does not answer') as string,
    });
  });
});

describe('usage', () => {
  it.each([
    [['--help'], 0],
    [['infer', '--help'], 0],
    [['--version'], 0],
    [['dance'], 2],
    [['infer'], 2],
    [['serve', '--port', 'eighty'], 2],
    [['join', '--engine', 'steam', 'http://127.0.0.1:9/#a.b'], 2],
  ])('%j ends with %d', async (args, exit) => {
    const run = await runProgram(args);
    expect(run.code, run.stdout + run.stderr).toBe(exit);
    expect(run.stdout + run.stderr).not.toBe('');
  });
});
