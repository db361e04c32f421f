import type { NetworkName } from '../../../../src/models/presets.ts';
import { unreachable } from '../../../../src/shared/errors.ts';
import type { Calibration } from '../../cells.ts';
import { NETWORK_TITLES, NETWORKS_SHOWN, OBJECTIVES, type FarmObjective } from '../../names.ts';
import { DEVICE_COUNTS, oursOn, type CellIndex } from '../cell-index.ts';
import { speedUp } from '../figures.ts';
import { digits } from '../format.ts';
import { farmKnee, WORTHWHILE, type FarmKnee, type SpeedUpPoint } from '../knee.ts';
import { bullets, paragraphs } from '../markdown.ts';
import { whatDoesNotShrink, whatIsLost } from '../where-time-goes.ts';

/** Speed-up by number of devices, of those that were measured. */
export const speedUpPoints = (
  cells: CellIndex,
  network: NetworkName,
  objective: FarmObjective,
): SpeedUpPoint[] =>
  DEVICE_COUNTS.flatMap((devices) => {
    const cell = cells.measuredAt(oursOn(network, devices, objective));
    const gain = cell && speedUp(cells, cell);
    return gain === undefined ? [] : [{ devices, gain }];
  });

/** From which number of devices on more of them help little, and what they wait for then. */
export function scalingSection(cells: CellIndex, calibration: Calibration): string {
  const lines = NETWORKS_SHOWN.flatMap((network) =>
    OBJECTIVES.map((objective) => {
      const knee = farmKnee(speedUpPoints(cells, network, objective));
      return `**${NETWORK_TITLES[network]}, ${objective}**: ${sentence(cells, knee, network, objective, calibration)}`;
    }),
  );
  return paragraphs([
    '## Where more devices stop helping',
    `The first step of the tables from which on a device adds less than ${WORTHWHILE} to the speed-up: half of what the first one does.`,
    bullets(lines),
  ]);
}

function sentence(
  cells: CellIndex,
  knee: FarmKnee,
  network: NetworkName,
  objective: FarmObjective,
  calibration: Calibration,
): string {
  switch (knee.kind) {
    case 'unknown':
      return 'not measured.';
    case 'beyond':
      return `not up to ${knee.devices} devices.`;
    case 'at': {
      const { devices, next, perDevice } = knee;
      const fewer = cells.measuredAt(oursOn(network, devices, objective))!;
      const more = cells.measuredAt(oursOn(network, next, objective))!;
      const why =
        objective === 'latency'
          ? `of the median frame, ${whatDoesNotShrink(fewer, more)}`
          : whatIsLost(cells, fewer, more, calibration);
      return `at ${devices}. From ${devices} to ${next} a device adds ${signed(perDevice)}: ${why}.`;
    }
    default:
      return unreachable(knee);
  }
}

const signed = (value: number): string => (value < 0 ? `−${digits(-value, 2)}` : digits(value, 2));
