import { boxSize, checkBox } from '../graph/box.ts';
import type { BlockReader } from './block-reader.ts';
import { BLOCK_BYTES, type LaidOutTensor, type WeightBlock, type WeightsLayout } from './layout.ts';
import { panelsOf, runsInPanel, type Panel } from './panel-grid.ts';
import { missing } from './stored-source.ts';
import type { WeightSource } from './weight-source.ts';
import type { Box } from '../graph/box.ts';

/** A block that a box needs, and the panel that it lies in. */
export interface NeededBlock {
  readonly block: WeightBlock;
  readonly panel: Panel;
  /** Elements of the panel that the block holds. */
  readonly from: number;
  readonly to: number;
}

/** The weights of a file in our own layout, of which only the blocks that hold something of a box are read. */
export function blockSource(layout: WeightsLayout, reader: BlockReader): WeightSource {
  return {
    tensors: layout.tensors,
    read: async (name, box, signal) => {
      signal?.throwIfAborted();
      const tensor = layout.tensors.get(name) ?? missing(name, layout.tensors);
      checkBox(box, tensor.shape, `weight tensor '${name}'`);
      const result = new Float32Array(boxSize(box));
      const target = new Uint8Array(result.buffer);
      const needed = new Map<number, NeededBlock>();
      for (const need of neededBlocks(layout, tensor, box)) needed.set(need.block.index, need);
      await reader.read(
        [...needed.values()].map(({ block }) => block),
        (block, bytes) => {
          const { panel, from, to } = needed.get(block.index)!;
          for (const [inPanel, inBox, count] of runsInPanel(panel.box, box, from, to)) {
            const start = (inPanel - from) * 4;
            target.set(bytes.subarray(start, start + count * 4), inBox * 4);
          }
        },
        signal,
      );
      return result;
    },
  };
}

/** The blocks that hold elements of a box, in the order of the file. */
export function* neededBlocks(
  layout: WeightsLayout,
  tensor: LaidOutTensor,
  box: Box,
): Generator<NeededBlock> {
  const perBlock = BLOCK_BYTES / 4;
  for (const panel of panelsOf(tensor.shape, tensor.grid, box)) {
    const elements = boxSize(panel.box);
    const first = tensor.panelBlocks[panel.index]!;
    const count = tensor.panelBlocks[panel.index + 1]! - first;
    let next = 0;
    for (const [inPanel, , length] of runsInPanel(panel.box, box, 0, elements)) {
      const last = Math.floor((inPanel + length - 1) / perBlock);
      for (next = Math.max(next, Math.floor(inPanel / perBlock)); next <= last; next++) {
        const from = next * perBlock;
        yield {
          block: layout.blocks[first + next]!,
          panel,
          from,
          to: Math.min(elements, from + perBlock),
        };
      }
      if (next === count) break;
    }
  }
}
