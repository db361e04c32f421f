import * as v from 'valibot';
import type { Graph, TensorId } from '../graph/graph.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { asPeerId, type PeerId, type SessionId } from '../shared/ids.ts';
import { CODECS } from './codec.ts';
import { parsePlan } from './parse-plan.ts';
import type { Plan, PlanInput } from './plan.ts';
import type { PeerRef, TileOf } from './splits.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0x7fff_ffff));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const range = v.pipe(v.strictTuple([index, index]), v.description('Half-open range [start, end).'));
const box = v.pipe(
  v.array(range),
  v.maxLength(8),
  v.description('One range per axis, channels last, without a batch axis. Empty ranges make an empty box.'),
);
const peer = v.union([
  v.pipe(index, v.description('Position among the peers of the room, from 0, in order of their ids.')),
  v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/), v.description('Id of a peer: 32 hex digits.')),
]);
const codec = v.pipe(
  v.picklist(CODECS),
  v.description(
    'How it travels between peers: f32 is exact and the default, f16 has half its bytes, u8 a quarter. Not for partial sums.',
  ),
);
const tile = v.strictObject({
  peer,
  outputs: v.pipe(
    v.array(v.strictObject({ tensor: name, box, codec: v.exactOptional(codec) })),
    v.maxLength(4096),
    v.description(
      'One box per tensor that the segment makes and that is needed after it, in topological order.',
    ),
  ),
  reduce: v.optional(
    v.pipe(
      box,
      v.description(
        "Partial sum over this box of the contraction of the segment's last op: [inChannels] of a convolution, the input's axes of a dense layer.",
      ),
    ),
  ),
});
const lane = v.strictObject({
  share: v.optional(
    v.pipe(
      v.number(),
      v.maxValue(1e6),
      v.gtValue(0),
      v.description('Frames are dealt to lanes in proportion; 1 when absent.'),
    ),
  ),
  tiles: v.pipe(v.array(tile), v.maxLength(4096)),
});
const ops = v.union([
  v.pipe(
    v.strictTuple([name, name]),
    v.description('First and last op by id, both included, in the topological order that `inspect` lists.'),
  ),
  v.pipe(v.strictTuple([index, index]), v.description('Half-open range of op indices.')),
]);
const segment = v.strictObject({
  ops,
  lanes: v.pipe(
    v.array(lane),
    v.maxLength(1024),
    v.description('Replicas: each lane is a complete tiling of the segment.'),
  ),
});

/** What a plan file looks like; `docs/plan.schema.json` is made from it. */
export const planFileSchema = v.pipe(
  v.strictObject({
    $schema: v.optional(v.string()),
    model: v.optional(
      v.pipe(
        name,
        v.description('Name of the model that the plan is for; checked against the one that it is run with.'),
      ),
    ),
    description: v.optional(v.pipe(v.string(), v.maxLength(2000))),
    session: v.optional(v.pipe(v.string(), v.description('Of the run that printed the plan; not used.'))),
    epoch: v.optional(v.pipe(index, v.description('Of the run that printed the plan; not used.'))),
    inputs: v.exactOptional(
      v.pipe(
        v.array(v.strictObject({ tensor: name, codec })),
        v.maxLength(4096),
        v.description(
          'How the requester sends inputs of the model; 8-bit pictures travel as their bytes in any case.',
        ),
      ),
    ),
    segments: v.pipe(
      v.array(segment),
      v.maxLength(20_000),
      v.description('Consecutive runs of ops; together they hold every op of the model.'),
    ),
  }),
  v.title('Peerceptron plan'),
  v.description('Which peer computes which box of which tensor. Who sends what to whom follows from it.'),
);

/** A plan as people write it: ops by id or by index, peers by number or by id. See docs/plans.md. */
export interface PlanFile {
  readonly $schema?: string;
  readonly model?: string;
  readonly description?: string;
  readonly inputs?: readonly PlanInput[];
  readonly segments: readonly {
    readonly ops: readonly [first: TensorId, last: TensorId] | readonly [start: number, end: number];
    readonly lanes: readonly { readonly share?: number; readonly tiles: readonly TileOf<PeerRef>[] }[];
  }[];
}

export interface PlanFileContext {
  readonly graph: Graph;
  readonly session: SessionId;
  readonly epoch: number;
  /** What the numbers in the file stand for. */
  readonly peers: readonly PeerId[];
}

/**
 * A plan file, from unknown, for the given model and peers. `verifyPlan` judges what it says.
 *
 * @throws PLAN_INVALID (naming the place in the file, the unknown op, or both models), PLAN_NO_PEERS (the file names more
 * peers than there are)
 */
export function parsePlanFile(raw: unknown, { graph, session, epoch, peers }: PlanFileContext): Plan {
  const result = v.safeParse(planFileSchema, raw);
  if (!result.success) {
    const issue = result.issues[0];
    throw new PeerceptronError(
      'PLAN_INVALID',
      `plan file: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}; docs/plan.schema.json says what a plan looks like`,
    );
  }
  const file = result.output;
  if (file.model !== undefined && file.model !== graph.name) {
    throw new PeerceptronError(
      'PLAN_INVALID',
      `the plan file is for the model '${file.model}', and this is '${graph.name}': choose the plan or the model that fits`,
      { details: { planned: file.model, model: graph.name } },
    );
  }
  const segments = file.segments.map(({ ops, lanes }) => ({
    ops: opRange(graph, ops),
    lanes: lanes.map(({ share = 1, tiles }) => ({
      share,
      tiles: tiles.map((tile) => ({ ...tile, peer: peerOf(tile.peer, peers) })),
    })),
  }));
  const inputs = file.inputs ? { inputs: file.inputs } : {};
  return parsePlan({ session, epoch, model: graph.name, ...inputs, segments });
}

/** A plan as a file: ops by id, peers by their place in `peers`, or by id where they have none. */
export function planFileOf(
  graph: Graph,
  plan: Plan,
  { peers, description }: { readonly peers: readonly PeerId[]; readonly description?: string },
): PlanFile {
  const numbers = new Map(peers.map((peer, number) => [peer, number]));
  return {
    model: graph.name,
    ...(description === undefined ? {} : { description }),
    ...(plan.inputs ? { inputs: plan.inputs } : {}),
    segments: plan.segments.map(({ ops: [start, end], lanes }) => ({
      ops: [graph.nodes[start]!.id, graph.nodes[end - 1]!.id],
      lanes: lanes.map(({ share, tiles }) => ({
        share,
        tiles: tiles.map((tile) => ({ ...tile, peer: numbers.get(tile.peer) ?? tile.peer })),
      })),
    })),
  };
}

function opRange(graph: Graph, ops: readonly [string, string] | readonly [number, number]): [number, number] {
  const [first, last] = ops;
  if (typeof first === 'number' || typeof last === 'number') return [Number(first), Number(last)];
  const indexOf = (id: string): number => {
    const found = graph.nodes.findIndex((node) => node.id === id);
    if (found < 0) throw unknownOp(graph, id);
    return found;
  };
  return [indexOf(first), indexOf(last) + 1];
}

export function unknownOp(graph: Graph, id: string): PeerceptronError {
  const isInput = graph.inputs.some((input) => input.id === id);
  return new PeerceptronError(
    'PLAN_INVALID',
    isInput
      ? `'${id}' is an input of the model '${graph.name}', not an op: the requester brings it`
      : `the model '${graph.name}' has no op '${id}': \`inspect\` lists the ops that there are`,
    { details: { op: id } },
  );
}

function peerOf(ref: PeerRef | string, peers: readonly PeerId[]): PeerId {
  if (typeof ref === 'string') return asPeerId(ref);
  const id = peers[ref];
  if (id) return id;
  throw new PeerceptronError(
    'PLAN_NO_PEERS',
    `the plan file names peer ${ref} (counted from 0), and only ${peers.length} are in the room: use --peers ${ref + 1}`,
  );
}
