import { median } from '../../../../src/shared/median.ts';
import type { Calibration, CellKey, CellResult, FarmRun } from '../../cells.ts';
import { count, METHOD_TITLES, NETWORK_TITLES } from '../../names.ts';
import type { CellIndex } from '../cell-index.ts';
import { predictionError } from '../figures.ts';
import { digits, formatMinute, formatPercent, formatTime } from '../format.ts';
import { bullets, codeBlock, escapeMarkdown, markdownTable, paragraphs } from '../markdown.ts';

const KINDS: Readonly<Record<Calibration['kind'], string>> = {
  namespaces:
    'Every device is a process of its own in a network namespace of its own, with a link that is held to its rate each way. Its compute thread has the share of a core below, and is charged what each tile takes of it undisturbed; all else that it does has three times as much, for a Pi has four cores. The requester sits on such a device as well. They connect by WebRTC, as devices anywhere do.',
  portable:
    '**Not a measurement of links:** this run is of the portable farm. Every device is a process of its own whose computing is held back to the share of a core below; links are the loopback of one machine, as fast as that is, and all else that a device does is not limited.',
};

/** Machine, date, commit, command; what a device is like; whether results are right and predictions good. */
export function howMeasured(run: FarmRun, cells: CellIndex): string {
  const { machine, calibration } = run;
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  const ended = run.finishedAt
    ? `to ${formatMinute(run.finishedAt)} UTC`
    : 'UTC; **it did not come to its end**, so that cells are missing';
  const refused = cells.all.length - cells.measured.length;
  return paragraphs([
    '## How it was measured',
    KINDS[calibration.kind],
    bullets([
      `On ${escapeMarkdown(machine.cpu)}, ${machine.cores} cores, ${memory}, ${escapeMarkdown(machine.os)}, Node ${escapeMarkdown(machine.node)}`,
      `${formatMinute(run.startedAt)} ${ended}`,
      `Commit ${commitText(run.commit)}`,
      ...measuredAgain(cells),
      ...measuredBefore(cells),
      `${cells.measured.length} cells measured${refused > 0 ? `, ${refused} refused` : ''}`,
    ]),
    codeBlock(run.command.trim(), 'sh'),
    calibrationTable(calibration),
    'What a message takes there and back is the floor of this emulation: a device that is held to a part of a core answers late. A hop of the paper took 75 to 85 ms, with a new HTTP connection for each message.',
    bullets([...correctness(cells.measured), ...predictions(cells.measured)]),
  ]);
}

/** Cells that are of another program than the rest. */
function measuredAgain({ all }: CellIndex): string[] {
  const commits = [...new Set(all.flatMap(({ commit }) => (commit === undefined ? [] : [commit])))];
  return commits.map((commit) => {
    const names = all.filter((cell) => cell.commit === commit).map(nameOf);
    return `Measured again at commit ${commitText(commit)}: ${names.join('; ')}`;
  });
}

/** Cells whose plan was another one's already. */
function measuredBefore({ measured }: CellIndex): string[] {
  const same = measured.filter(({ sameAs }) => sameAs !== undefined);
  if (same.length === 0) return [];
  const names = same.map((cell) => `${nameOf(cell)} (${cell.sameAs})`);
  return [
    `Not measured twice: ${count(same.length, 'cell')} whose plan is another one's, but for which of the devices that are alike compute what: ${names.join('; ')}`,
  ];
}

/** As `bench/report.ts` gives it. */
function commitText(commit: string | null): string {
  if (commit === null) return 'unknown';
  const [hash, modified] = commit.split('-', 2);
  return `${escapeMarkdown(hash!)}${modified === undefined ? '' : ', with changes that are not committed'}`;
}

interface CalibrationRow {
  readonly what: string;
  readonly farm: string;
  readonly pi: string;
}

function calibrationTable({ share, vgg16Ms, goalMs, hopMs }: Calibration): string {
  const rows: readonly CalibrationRow[] = [
    { what: 'One frame of VGG16 on one device', farm: formatTime(vgg16Ms), pi: formatTime(goalMs) },
    { what: 'Share of a core of this machine', farm: `${digits(share * 100)} %`, pi: '–' },
    {
      what: 'A small message there and back, p50 (p95)',
      farm: `${formatTime(hopMs.smallP50)} (${formatTime(hopMs.smallP95)})`,
      pi: '–',
    },
    { what: '1 MB there and back, p50', farm: formatTime(hopMs.megabyteP50), pi: '–' },
  ];
  return markdownTable<CalibrationRow>(
    [
      { title: '', align: 'text', cell: ({ what }) => what },
      { title: 'device of the farm', align: 'figure', cell: ({ farm }) => farm },
      { title: 'Raspberry Pi 3', align: 'figure', cell: ({ pi }) => pi },
    ],
    rows,
  );
}

/** Where results were furthest from those of the unsplit model. */
function correctness(measured: readonly CellResult[]): string[] {
  const worst = measured.toSorted((a, b) => b.difference - a.difference)[0];
  if (!worst) return [];
  if (worst.difference === 0) {
    return ['All results were compared with those of the unsplit model, and are the same to the last bit.'];
  }
  return [
    `All results were compared with those of the unsplit model: they differ by at most ${worst.difference.toExponential(1)} of the largest value (${nameOf(worst)}).`,
  ];
}

function predictions(measured: readonly CellResult[]): string[] {
  const errors = measured.flatMap((cell) => {
    const error = predictionError(cell);
    return error === undefined ? [] : [{ cell, size: Math.abs(error) }];
  });
  const worst = errors.toSorted((a, b) => b.size - a.size)[0];
  if (!worst) return [];
  return [
    `Predictions, made before the first frame, are off by ${formatPercent(median(errors.map(({ size }) => size)))} in the median of ${errors.length} cells, by ${formatPercent(worst.size)} at worst (${nameOf(worst.cell)}).`,
  ];
}

const nameOf = ({ network, method, devices, objective, megabitsPerSecond }: CellKey): string =>
  `${NETWORK_TITLES[network]}, ${METHOD_TITLES[method]}, ${devices} × ${megabitsPerSecond} Mbit/s, ${objective}`;
