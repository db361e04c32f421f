import type { Draft, DraftSegment } from './draft.ts';
import { PACKED_COPIES } from './memory.ts';
import type { Places } from './places.ts';
import type { RangeCosts } from './range-costs.ts';
import { WHOLE } from './search-space.ts';
import type { Device } from './world.ts';

export interface RelayRequest {
  readonly costs: RangeCosts;
  readonly devices: readonly Device[];
  readonly places: Places;
  readonly placeOf: readonly number[];
  readonly elementBytes: number;
  /** What is made small: the time of a frame, or that of the slowest run or transfer, which bounds the rate. */
  readonly least: 'sum' | 'slowest';
}

/** A device that has taken over. */
interface Run {
  readonly device: number;
  readonly from: number;
  /** Of the frame so far, or of this run alone where the slowest counts. */
  ms: number;
  /** Of runs and transfers before. */
  readonly slowestMs: number;
  /** Bytes that the run takes of the device's memory. */
  held: number;
  readonly before: Run | undefined;
}

const costOf = ({ ms, slowestMs }: Run): number => Math.max(ms, slowestMs);

/**
 * The quickest way of one frame from device to device, each computing a run of ops whole: for devices that are good at
 * different kinds of ops, or have no room for all of them. Dynamic programming over cut points and devices; a device
 * has one run at most. `undefined` where memory does not suffice.
 */
export function relayPath(request: RelayRequest): Draft | undefined {
  const { costs, devices, places, placeOf, elementBytes, least } = request;
  const { space } = costs;
  const { cutPoints, bytesAt } = space;
  const opMs = devices.map(({ profile }) => costs.times(profile, 'channel'));
  const moveMs = (from: number, to: number, bytes: number): number => {
    const sender = places.places[from]!.transport;
    const receiver = places.places[to]!.transport;
    const link = from * places.places.length + to;
    const perByte = Math.max(
      1 / sender.uplinkBytesPerMs,
      1 / receiver.downlinkBytesPerMs,
      1 / places.bytesPerMs[link]!,
      sender.sendMsPerByte,
      receiver.receiveMsPerByte,
    );
    return sender.pieceMs + receiver.pieceMs + places.latencyMs[link]! + bytes * perByte;
  };
  const pictures = space.graph.inputs.every(({ image }) => image);
  const startBytes = pictures ? bytesAt[0]! / 4 : (bytesAt[0]! * elementBytes) / 4;
  let runs = devices.map((_, device): Run => {
    const ms = moveMs(0, placeOf[device]!, startBytes);
    const begun = least === 'sum' ? { ms, slowestMs: 0 } : { ms: 0, slowestMs: ms };
    return { device, from: 0, ...begun, held: 0, before: undefined };
  });
  for (const [index, point] of cutPoints.entries()) {
    if (index === 0) continue;
    const start = cutPoints[index - 1]!;
    if (start > 0) runs.push(...takeOvers(runs, start));
    const { weightBytes, inputBytes, workBytes } = space.tiles(start, point, WHOLE)![0]!;
    const bytes = weightBytes * PACKED_COPIES + workBytes;
    for (const run of runs) {
      const times = opMs[run.device]!;
      for (let op = start; op < point; op++) run.ms += times[op]!.fixedMs + times[op]!.partMs;
      run.held += bytes + (run.from === start ? inputBytes : 0);
    }
    runs = runs.filter(({ device, held }) => held <= devices[device]!.memoryBytes);
  }
  if (runs.length === 0) return undefined;
  const segments: DraftSegment[] = [];
  let end = space.graph.nodes.length;
  for (let run: Run | undefined = quickest(runs); run; run = run.before) {
    segments.unshift({ start: run.from, end, lanes: [{ share: 1, layout: WHOLE, devices: [run.device] }] });
    end = run.from;
  }
  return segments;

  /** Each device behind the run from which it gets the frame at the least cost. */
  function takeOvers(before: readonly Run[], start: number): Run[] {
    const bytes = (bytesAt[start]! * elementBytes) / 4;
    const quickestOf: (Run | undefined)[] = devices.map(() => undefined);
    for (const run of before) {
      const known = quickestOf[run.device];
      if (!known || costOf(run) < costOf(known)) quickestOf[run.device] = run;
    }
    return devices.flatMap((_, device): Run[] => {
      let best: Run | undefined;
      for (const run of quickestOf) {
        if (!run || hasRun(run, device)) continue;
        const moved = moveMs(placeOf[run.device]!, placeOf[device]!, bytes);
        const { tileMs } = devices[device]!.profile;
        const begun =
          least === 'sum'
            ? { ms: run.ms + moved + tileMs, slowestMs: 0 }
            : { ms: tileMs, slowestMs: Math.max(costOf(run), moved) };
        const next = { device, from: start, ...begun, held: 0, before: { ...run } };
        if (!best || costOf(next) < costOf(best)) best = next;
      }
      return best ? [best] : [];
    });
  }
}

function quickest(runs: readonly Run[]): Run | undefined {
  let best: Run | undefined;
  for (const run of runs) if (!best || costOf(run) < costOf(best)) best = run;
  return best;
}

function hasRun(last: Run, device: number): boolean {
  for (let run: Run | undefined = last; run; run = run.before) if (run.device === device) return true;
  return false;
}
