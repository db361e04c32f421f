import { planWeightsFile, writeWeights, type WeightsFilePlan } from '../../src/import/write-weights.ts';
import { parseLayout, type WeightsLayout } from '../../src/weights/layout.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';
import type { PanelGrid } from '../../src/weights/panel-grid.ts';

export interface LaidOut {
  readonly bytes: Uint8Array;
  readonly layoutText: string;
  readonly layout: WeightsLayout;
}

/** A source's weights as a file in our own layout, in memory; with other grids than the program would choose. */
export async function laidOut(
  source: WeightSource,
  grids: ReadonlyMap<string, PanelGrid> = new Map(),
): Promise<LaidOut> {
  const planned = planWeightsFile(source.tensors.values(), { format: 'peerceptron' });
  const plan: WeightsFilePlan = {
    ...planned,
    tensors: planned.tensors.map((tensor) => ({ ...tensor, grid: grids.get(tensor.name) ?? tensor.grid })),
  };
  const bytes = new Uint8Array(plan.sizeBytes);
  const layoutText = await writeWeights(plan, source, {
    write: async (offset, piece) => bytes.set(piece, offset),
  });
  return { bytes, layoutText, layout: await parseLayout(new TextEncoder().encode(layoutText), 'layout') };
}
