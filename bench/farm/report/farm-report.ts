import { format } from 'prettier';
import type { FarmRun } from '../cells.ts';
import { PI3_WATTS } from '../energy.ts';
import { NETWORKS_SHOWN } from '../names.ts';
import { indexCells } from './cell-index.ts';
import { farmCharts, speedUpPictures } from './farm-charts.ts';
import { paragraphs } from './markdown.ts';
import { goalsSection } from './sections/goals.ts';
import { howMeasured } from './sections/how-measured.ts';
import { linksSection } from './sections/links.ts';
import { methodsSection } from './sections/methods.ts';
import { networkSection } from './sections/network.ts';
import { publishedSection } from './sections/published.ts';
import { scalingSection } from './sections/scaling.ts';

export interface ReportFile {
  /** Relative to the folder of the documentation. */
  readonly path: string;
  readonly text: string;
}

/** The page and its charts: what `npm run farm:report` writes. The same run, the same files. */
export async function farmReport(run: FarmRun): Promise<ReportFile[]> {
  const cells = indexCells(run);
  const page = paragraphs([
    '<!-- Written by `npm run farm:report` from farm/run.json: change that, or bench/farm/report, not this. -->',
    '# Measured on a farm of devices',
    'The four networks of [arXiv:1901.02537](https://arxiv.org/abs/1901.02537) on up to eleven emulated Raspberry Pi 3s that run Peerceptron, on one machine, over links of a fixed rate. [Benchmarks](benchmarking.md) says how to run it, [planning](planning.md) how work is dealt out.',
    goalsSection(cells, run.calibration),
    howMeasured(run, cells),
    '## By network',
    READING,
    ...speedUpPictures,
    ...NETWORKS_SHOWN.map((network) => networkSection(cells, network)),
    linksSection(cells),
    methodsSection(cells),
    scalingSection(cells, run.calibration),
    publishedSection(cells),
  ]);
  const charts = Object.entries(farmCharts(run, cells));
  return [
    // As `npm run format` would write it.
    { path: 'benchmarks.md', text: await format(page, { parser: 'markdown', printWidth: 110 }) },
    ...charts.map(([name, text]) => ({ path: `farm/${name}`, text })),
  ];
}

const READING = [
  'Latency is from the first byte that the requester sends to the whole answer, in the median; where a row is planned for throughput, with other frames in flight.',
  'Efficiency is the speed-up over the number of devices, used or not.',
  'What was predicted stands with how far it is off what was measured.',
  'Sent per frame is what all devices send, the requester included.',
  'Processor ms are milliseconds of this machine per frame and device that the plan uses, for computing and for all else.',
  'Memory is resident, the mean of those devices and the most.',
  `Energy is that of those devices by the power of a Pi 3 as published: ${PI3_WATTS.idle} W idle, ${PI3_WATTS.average} W while it computes on one core, ${PI3_WATTS.peak} W with all four busy (\`bench/farm/energy.ts\`).`,
  'The last column says where the time of the median frame goes. A dash is a cell that was not measured.',
].join(' ');
