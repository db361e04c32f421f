import type { Draft, DraftSegment } from './draft.ts';
import type { Places } from './places.ts';
import type { RangeCosts } from './range-costs.ts';
import { roomOf, wholeRunsOf } from './whole-runs.ts';
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
  /** Indexes of cut points: the first, and up to which the device's memory suffices. */
  readonly from: number;
  readonly reach: number;
  /** Of the frame so far, or of this run alone where the slowest counts. */
  ms: number;
  /** Of runs and transfers before. */
  readonly slowestMs: number;
  readonly before: Run | undefined;
}

const costOf = ({ ms, slowestMs }: Run): number => Math.max(ms, slowestMs);

/**
 * The quickest way of one frame from device to device, each computing a run of ops whole: for devices that are good at
 * different kinds of ops, or have no room for all of them. Dynamic programming over cut points and devices; a device
 * has one run at most, of several tiles where one would be too much for its memory. `undefined` where memory does not suffice.
 */
export function relayPath(request: RelayRequest): Draft | undefined {
  const { costs, devices, places, placeOf, elementBytes, least } = request;
  const { space } = costs;
  const { cutPoints, bytesAt } = space;
  const wholeRuns = wholeRunsOf(space);
  const rooms = devices.map(roomOf);
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
    return { device, from: 0, ...begun, reach: wholeRuns.reach(0, rooms[device]!), before: undefined };
  });
  for (const [index, point] of cutPoints.entries()) {
    if (index === 0) continue;
    const start = cutPoints[index - 1]!;
    if (start > 0) runs.push(...takeOvers(runs, index - 1));
    runs = runs.filter(({ reach }) => reach >= index);
    for (const run of runs) {
      const times = opMs[run.device]!;
      for (let op = start; op < point; op++) run.ms += times[op]!.fixedMs + times[op]!.partMs;
    }
  }
  if (runs.length === 0) return undefined;
  const segments: DraftSegment[] = [];
  let end = cutPoints.length - 1;
  for (let run: Run | undefined = quickest(runs); run; run = run.before) {
    segments.unshift(...wholeRuns.segments(run.from, end, run.device, rooms[run.device]!)!);
    end = run.from;
  }
  return segments;

  /** Each device behind the run from which it gets the frame at the least cost. */
  function takeOvers(before: readonly Run[], place: number): Run[] {
    const start = cutPoints[place]!;
    const bytes = (bytesAt[start]! * elementBytes) / 4;
    const quickestOf: (Run | undefined)[] = devices.map(() => undefined);
    for (const run of before) {
      const known = quickestOf[run.device];
      if (!known || costOf(run) < costOf(known)) quickestOf[run.device] = run;
    }
    return devices.flatMap((_, device): Run[] => {
      const { tileMs } = devices[device]!.profile;
      let from: Run | undefined;
      let cost = Infinity;
      for (const run of quickestOf) {
        if (!run) continue;
        const moved = moveMs(placeOf[run.device]!, placeOf[device]!, bytes);
        const next = least === 'sum' ? run.ms + moved + tileMs : Math.max(tileMs, costOf(run), moved);
        if (next >= cost || hasRun(run, device)) continue;
        from = run;
        cost = next;
      }
      if (!from) return [];
      const begun = least === 'sum' ? { ms: cost, slowestMs: 0 } : { ms: tileMs, slowestMs: cost };
      const reach = wholeRuns.reach(place, rooms[device]!);
      return [{ device, from: place, ...begun, reach, before: { ...from } }];
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
