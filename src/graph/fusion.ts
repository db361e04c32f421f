import { boxEquals, isEmpty } from './box.ts';
import type { StepWeight, TileProgram, TileStep } from './tile-program.ts';

export type FusedActivation = 'relu' | 'relu6';

/** What follows a convolution or a dense layer at no cost of its own. */
export interface Epilogue {
  readonly bias?: StepWeight;
  readonly activation?: FusedActivation;
}

export interface FusedStep {
  readonly step: TileStep;
  readonly epilogue: Epilogue;
  /** Where the result goes: the slot of the last op that was fused. */
  readonly slot: number;
}

/**
 * Joins conv or dense with the bias and the relu behind it wherever nobody else looks at what lies between them. The
 * steps that remain are in an order in which every slot is written before it is read.
 */
export function fuseSteps(program: TileProgram): FusedStep[] {
  const firstSlot = program.inputs.length;
  const consumers = new Map<number, TileStep[]>();
  const consumersOf = (slot: number): TileStep[] => {
    const known = consumers.get(slot);
    if (known) return known;
    const list: TileStep[] = [];
    consumers.set(slot, list);
    return list;
  };
  for (const step of program.steps) for (const input of step.inputs) consumersOf(input.slot).push(step);
  const outputs = new Set(program.outputs.map((output) => output.slot));
  const slots = new Map(program.steps.map((step, index) => [step, firstSlot + index]));

  /** The one step that reads all of `slot`, if there is exactly one and the slot is not wanted outside. */
  const soleConsumer = (slot: number, box: TileStep['output']): TileStep | undefined => {
    const [consumer, ...others] = consumersOf(slot);
    if (!consumer || others.length > 0 || outputs.has(slot)) return undefined;
    const input = consumer.inputs.find((candidate) => candidate.slot === slot)!;
    const unpadded = input.padding.every(([before, after]) => before === 0 && after === 0);
    return unpadded && boxEquals(input.region, box) && boxEquals(consumer.output, box) ? consumer : undefined;
  };

  const absorbed = new Set<TileStep>();
  const fused: FusedStep[] = [];
  for (const step of program.steps) {
    if (absorbed.has(step)) continue;
    let slot = slots.get(step)!;
    let epilogue: Epilogue = {};
    if ((step.op.kind === 'conv' || step.op.kind === 'dense') && !step.reduce && !isEmpty(step.output)) {
      let next = soleConsumer(slot, step.output);
      if (next?.op.kind === 'bias') {
        epilogue = { bias: next.weights[0]! };
        absorbed.add(next);
        slot = slots.get(next)!;
        next = soleConsumer(slot, step.output);
      }
      if (next?.op.kind === 'activation' && (next.op.function === 'relu' || next.op.function === 'relu6')) {
        epilogue = { ...epilogue, activation: next.op.function };
        absorbed.add(next);
        slot = slots.get(next)!;
      }
    }
    fused.push({ step, epilogue, slot });
  }
  return fused;
}

/** By step, the slots that nobody reads after it; those of the results are never among them. A result that nobody reads dies where it is made. */
export function freedSlots(steps: readonly FusedStep[], outputs: TileProgram['outputs']): number[][] {
  const lastUse = new Map<number, number>();
  for (const [index, { step, slot }] of steps.entries()) {
    lastUse.set(slot, index);
    for (const input of step.inputs) if (input.slot >= 0) lastUse.set(input.slot, index);
  }
  for (const { slot } of outputs) lastUse.delete(slot);
  const freed = steps.map((): number[] => []);
  for (const [slot, index] of lastUse) freed[index]!.push(slot);
  return freed;
}
