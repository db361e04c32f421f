import { isEmpty, type Box } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { axisName } from '../../src/planner/axes.ts';
import type { Lane, Plan, Segment } from '../../src/planner/plan.ts';
import type { PeerId } from '../../src/shared/ids.ts';

/** How a lane divides what it makes, in words: `4 bands of rows`, `whole`, `8 partial sums`. */
export function describeLane({ tiles }: Lane): string {
  const used = tiles.filter(({ outputs, reduce }) => !isIdle(outputs.at(-1)!.box, reduce));
  if (used.length <= 1) return 'whole';
  const boxes = used.map(({ outputs }) => outputs.at(-1)!.box);
  const axes = boxes[0]!.flatMap((range, axis) =>
    boxes.some((box) => box[axis]![0] !== range[0] || box[axis]![1] !== range[1]) ? [axis] : [],
  );
  const summed = used.some(({ reduce }) => reduce);
  if (summed && axes.length === 0) return `${used.length} partial sums`;
  const rank = boxes[0]!.length;
  const names = axes.map((axis) => PIECES[axisName(rank, axis)] ?? axisName(rank, axis));
  const how = `${used.length} pieces: ${names.join(' × ')}`;
  return summed ? `${how}, partial sums` : how;
}

const PIECES: Readonly<Record<string, string>> = {
  depth: 'frames',
  height: 'rows',
  width: 'columns',
  length: 'steps',
  channel: 'channels',
};

const isIdle = (box: Box, reduce: Box | undefined): boolean =>
  isEmpty(box) || (reduce !== undefined && isEmpty(reduce));

/** Ranges of a box in those axes along which it differs from others of its kind: `0:56`. */
function describeCut(box: Box, boxes: readonly Box[]): string {
  const cut = box.flatMap(([start, end], axis) =>
    boxes.some((other) => other[axis]![0] !== start || other[axis]![1] !== end) ? [`${start}:${end}`] : [],
  );
  return cut.join(' ');
}

/** Who makes what of the segment's last tensor, for which share of the frames where there are lanes. */
function partsOf({ lanes }: Segment): SegmentGroup['parts'] {
  const shares = lanes.reduce((sum, { share }) => sum + share, 0);
  return lanes.flatMap(({ share, tiles }) => {
    const frames = lanes.length > 1 ? `${Math.round((100 * share) / shares)} %` : '';
    const used = tiles.filter(({ outputs, reduce }) => !isIdle(outputs.at(-1)!.box, reduce));
    const boxes = used.map(({ outputs }) => outputs.at(-1)!.box);
    const reduces = used.flatMap(({ reduce }) => (reduce ? [reduce] : []));
    return used.map(({ peer, outputs, reduce }) => {
      const sum = reduce ? describeCut(reduce, reduces) : '';
      const part = [frames, describeCut(outputs.at(-1)!.box, boxes), sum && `sum over ${sum}`];
      return { peer, part: part.filter(Boolean).join(' ') };
    });
  });
}

export interface SegmentGroup {
  /** First and last segment, both included. */
  readonly segments: readonly [first: number, last: number];
  readonly firstOp: string;
  readonly lastOp: string;
  readonly how: string;
  /** Who makes which part of the last segment of the group, lane by lane; with lanes, for which share of the frames. */
  readonly parts: readonly { readonly peer: PeerId; readonly part: string }[];
}

/** Segments that follow each other and divide the work in the same way among the same devices are one group. */
export function segmentGroups({ nodes }: Graph, { segments }: Plan): SegmentGroup[] {
  const groups: SegmentGroup[] = [];
  for (const [index, segment] of segments.entries()) {
    const [start, end] = segment.ops;
    const how = describeSegment(segment);
    const parts = partsOf(segment);
    const before = groups.at(-1);
    const same =
      before?.how === how &&
      before.parts.length === parts.length &&
      before.parts.every(({ peer }, at) => peer === parts[at]!.peer);
    const group = {
      segments: [same ? before.segments[0] : index, index] as const,
      firstOp: same ? before.firstOp : nodes[start]!.id,
      lastOp: nodes[end - 1]!.id,
      how,
      parts,
    };
    if (same) groups[groups.length - 1] = group;
    else groups.push(group);
  }
  return groups;
}

function describeSegment({ lanes }: Segment): string {
  const hows = [...new Set(lanes.map(describeLane))];
  if (lanes.length === 1) return hows[0]!;
  return hows.length === 1 && hows[0] === 'whole'
    ? `${lanes.length} lanes`
    : `${lanes.length} lanes, each ${hows.join(' or ')}`;
}
