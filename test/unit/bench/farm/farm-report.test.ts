import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { check } from 'prettier';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseFarmRun } from '../../../../bench/farm/parse-run.ts';
import { farmReport, type ReportFile } from '../../../../bench/farm/report/farm-report.ts';
import { cellKey, farmRun, measuredCell, refusedCell, wholeRun } from '../../../support/farm-run.ts';
import { unbalanced } from '../../../support/well-formed-svg.ts';

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url));
const textOf = (files: readonly ReportFile[], path: string): string =>
  files.find((file) => file.path === path)!.text;
const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of the table below a heading, by their cells. */
function tableBelow(page: string, heading: string): string[][] {
  const from = page.indexOf(`\n${heading}\n`);
  expect(from, heading).toBeGreaterThan(-1);
  const lines = page.slice(from).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const rows = lines.slice(start);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf);
}

describe('the report of a whole run', () => {
  let files: readonly ReportFile[];
  let page: string;
  beforeAll(async () => {
    files = await farmReport(wholeRun());
    page = textOf(files, 'benchmarks.md');
  });

  it('is the same for the same run', async () => {
    expect(await farmReport(JSON.parse(JSON.stringify(wholeRun())) as ReturnType<typeof wholeRun>)).toEqual(
      files,
    );
  });

  it('does not depend on the order of the cells', async () => {
    const run = wholeRun();
    expect(await farmReport({ ...run, cells: run.cells.toReversed() })).toEqual(files);
  });

  it('is formatted as the repository is', async () => {
    expect(
      await check(page, { parser: 'markdown', printWidth: 110, singleQuote: true, trailingComma: 'all' }),
    ).toBe(true);
  });

  it('shows every picture, and no other', () => {
    const shown = [...page.matchAll(/\]\((farm\/[^)]+\.svg)\)/g)].map(([, path]) => path);
    expect(shown.toSorted()).toEqual(
      files
        .map(({ path }) => path)
        .filter((path) => path.endsWith('.svg'))
        .toSorted(),
    );
  });

  it('has a row for a rate within a bound of latency', async () => {
    const run = wholeRun();
    const bounded = measuredCell({ ...cellKey('ours', 'vgg16', 11, 'throughput'), latencyBoundMs: 11_000 });
    const text = textOf(await farmReport({ ...run, cells: [...run.cells, bounded] }), 'benchmarks.md');
    expect(tableBelow(text, '### VGG16').at(-1)!.slice(0, 3)).toEqual([
      'throughput, latency ≤ 11.0 s',
      '11',
      '11',
    ]);
    expect(page).not.toContain('latency ≤');
  });

  it('has a row per number of devices and objective', () => {
    const [head, , ...rows] = tableBelow(page, '### VGG16');
    expect(rows.map(([objective, devices]) => `${objective} ${devices}`)).toEqual(
      ['latency', 'throughput'].flatMap((objective) =>
        [1, 4, 8, 11].map((devices) => `${objective} ${devices}`),
      ),
    );
    const four = rows[1]!;
    const at = (title: string): string => four[head!.indexOf(title)]!;
    // 10.4 s / 4, a twentieth of that for waiting, 180 ms for links: 2.91 s; 2 % noise.
    expect(at('latency p50')).toMatch(/^2\.(8[89]|9[0-3]) s$/);
    expect(at('speed-up')).toMatch(/^3\.(5\d|6\d) ×$/);
    expect(at('efficiency')).toMatch(/^(89|9[0-2]) %$/);
    expect(at('predicted')).toMatch(/ s \(\+[345] %\)$/);
    expect(at('sent per frame')).toBe('1.95 MB');
    expect(at('memory, mean (most)')).toBe('245 MB (280)');
    expect(head).not.toContain('p95');
  });

  it('has 95th percentiles where there are frames for them', () => {
    expect(tableBelow(page, '### AlexNet')[0]).toContain('p95');
  });

  it('shows a dash for what is missing, and says why a cell was refused', () => {
    const [head, , ...xception] = tableBelow(page, '### Xception');
    const last = xception.at(-1)!;
    expect(last.slice(0, 2)).toEqual(['throughput', '11']);
    expect(new Set(last.slice(2))).toEqual(new Set(['–']));
    expect(head!.length).toBe(last.length);
    const c3d = tableBelow(page, '### C3D').find(
      ([objective, devices]) => objective === 'throughput' && devices === '4',
    )!;
    expect(c3d).toContain('refused');
    expect(page).toContain('throughput on 4 devices refused: a device lacks 120 MB');
  });

  it('says how it was measured', () => {
    expect(page).toContain('Made-up CPU, 2 cores, 24 GiB, Linux 6, Node 20.20.2');
    expect(page).toContain('2030-01-02 03:04 to 2030-01-02 04:30 UTC');
    expect(page).toContain('0123456789abcdef');
    expect(page).toContain('```sh\nnpm run bench -- farm\n```');
    expect(page).toMatch(/VGG16 on one device +\| +10\.4 s +\| +10\.4 s/);
    expect(page).toContain('9.60 %');
    expect(page).toContain('at most 3.0e-6 of the largest value');
  });

  it('says where more devices stop helping, and which part of a frame does not shrink', () => {
    expect(page).toMatch(
      /\*\*AlexNet, latency\*\*: at \d+\. From \d+ to \d+ a device adds 0\.\d+: of the median frame, computing .* → .*; what shrinks least: links, /,
    );
    expect(page).toContain('**VGG16, throughput**: not up to 11 devices.');
  });

  it('holds other methods against ours on the same devices', () => {
    const [head, , ...rows] = tableBelow(page, '### VGG16, beside others');
    const paper = rows.find(
      ([objective, method, devices]) =>
        objective === 'latency' && method === "the paper's layout" && devices === '11',
    )!;
    expect(Number(paper[head!.indexOf('ours over it')]!.replace(' ×', ''))).toBeCloseTo(2.5, 1);
    const mixed = rows.find(([, method]) => method === 'equal parts')!;
    expect(mixed[head!.indexOf('devices')]).toBe('6 of mixed.json');
  });

  it('shows the published figures, and that they are of other devices', () => {
    const row = tableBelow(page, '### Frames per second of the paper (arXiv:1901.02537)').find(
      ([network, devices]) => network === 'VGG16' && devices === '11',
    )!;
    expect(row[2]).toBe('1.11');
    expect(row[3]).toMatch(/^0\.\d+$/);
    expect(row[4]).toMatch(/^\d\.\d+$/);
    // Nine devices were not measured, eight were.
    expect(tableBelow(page, '### Frames per second of the paper (arXiv:1901.02537)')[4]![4]).toMatch(
      / on 8$/,
    );
    expect(page).toContain('real Raspberry Pis over Wi-Fi');
    expect(page).toContain('up to 5.79 × (DeepSlicing)');
  });

  it('keeps texts of others out of the markup', () => {
    expect(page).toContain('Conv of five axes \\| &lt;not> there');
    const chart = textOf(files, 'farm/methods-latency.svg');
    expect(chart).toContain('Conv of five axes | &lt;not&gt; there');
  });

  it('has charts that are well formed, for light and dark, and say in words what they show', () => {
    for (const { path, text } of files.filter((file) => file.path.endsWith('.svg'))) {
      expect(unbalanced(text), path).toEqual([]);
      expect(text, path).not.toMatch(/NaN|Infinity|undefined/);
      expect(text.match(/prefers-color-scheme: dark/g), path).toHaveLength(2);
      expect(text, path).toMatch(/<desc id="desc">[^<]*VGG16: /);
    }
    const speedUps = textOf(files, 'farm/speed-up-throughput.svg');
    expect(speedUps).toContain('best published: PICO, 6.80 × on 8');
    expect(speedUps).toContain('>ideal<');
  });
});

describe('the report of a run that lacks much', () => {
  it('of everything, says that it has no figures', async () => {
    const files = await farmReport(farmRun([]));
    const page = textOf(files, 'benchmarks.md');
    expect(page).toContain('**VGG16, latency**: not measured.');
    for (const { path, text } of files) expect(text, path).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('that did not end, or is of the portable farm, says so', async () => {
    const { finishedAt: _, ...run } = farmRun([]);
    const page = textOf(
      await farmReport({ ...run, commit: null, calibration: { ...run.calibration, kind: 'portable' } }),
      'benchmarks.md',
    );
    expect(page).toContain('did not come to its end');
    expect(page).toContain('**Not a measurement of links:**');
    expect(page).toContain('Commit unknown');
  });

  it('with the baseline refused, has latencies and no speed-ups', async () => {
    const files = await farmReport(
      farmRun([
        refusedCell(cellKey('tfjs', 'vgg16', 1, 'latency'), 'out of memory'),
        measuredCell(cellKey('ours', 'vgg16', 8, 'latency')),
      ]),
    );
    const [head, , ...rows] = tableBelow(textOf(files, 'benchmarks.md'), '### VGG16');
    expect(head).not.toContain('speed-up');
    expect(rows[2]![head!.indexOf('latency p50')]).toMatch(/ s$/);
  });
});

describe('the committed report', () => {
  it.skipIf(!existsSync(`${docs}farm/run.json`))(
    'is that of the committed run: `npm run farm:report` writes it (skipped: no docs/farm/run.json)',
    async () => {
      const run = parseFarmRun(JSON.parse(readFileSync(`${docs}farm/run.json`, 'utf8')));
      for (const { path, text } of await farmReport(run)) {
        expect(readFileSync(docs + path, 'utf8'), path).toBe(text);
      }
    },
  );
});
