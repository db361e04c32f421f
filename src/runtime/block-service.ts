import type { Graph } from '../graph/graph.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { BlockReader } from '../weights/block-reader.ts';
import type { WeightsLayout } from '../weights/layout.ts';
import { BlockAnswerer, type BlockRequest } from './block-exchange.ts';

/** Weights in our own layout, which peers fetch block by block, from whoever has a block. */
export interface BlockWeights {
  readonly layout: WeightsLayout;
  /** The layout as a file: it travels in PREPARE. */
  readonly layoutFile: Uint8Array;
  /** Copies of the weights file that peers may ask, where they are allowed to. */
  readonly urls: readonly string[];
  /** The graph whose weights the file has, before its batch norms were folded. */
  readonly unfolded: Graph;
  /** How the requester itself comes to a block: for peers that get it nowhere else. */
  readonly reader: BlockReader;
}

/** Larger layouts do not fit into a control message beside graph and plan: slices come from the requester then. */
const LAYOUT_LIMIT_BYTES = 2 * 1024 * 1024;

export const travels = ({ layoutFile }: BlockWeights): boolean => layoutFile.length <= LAYOUT_LIMIT_BYTES;

/** The requester's side of blocks: the last resort of its peers. */
export class BlockService {
  readonly #weights: BlockWeights;
  readonly #answerers = new WeakMap<PeerChannel, BlockAnswerer>();

  constructor(weights: BlockWeights) {
    this.#weights = weights;
  }

  /** @throws PROTOCOL_MALFORMED (there is no such block), PROTOCOL_LIMIT (a flood), which are to end the link */
  serve(channel: PeerChannel, request: BlockRequest): void {
    const { layout, reader } = this.#weights;
    const block = layout.blocks[request.block];
    if (!block) {
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `there is no block ${request.block}: the file has ${layout.blocks.length}`,
      );
    }
    const answerer = this.#answerers.get(channel) ?? new BlockAnswerer(channel);
    this.#answerers.set(channel, answerer);
    answerer.answer(request, async () => {
      let found: Uint8Array | undefined;
      await reader.read([block], (_block, bytes) => (found = bytes.slice()));
      return found!;
    });
  }
}
