import { boxSize, isEmpty, type Box, type Shape } from '../box.ts';
import type { Op, OpDefinition, WeightRegion } from '../op.ts';
import { checkInputCount, costOf, emptyBox, emptyRegion, everyAxis, plainRegion } from '../window.ts';

type Shared =
  'outputShape' | 'inputBoxes' | 'weightBoxes' | 'cost' | 'tileableAxes' | 'reduceShape' | 'linear';

/**
 * What ops of one input share whose output element depends on the input element at the same place and on vectors
 * along the last axis (`roles` says which).
 */
export function pointwise<O extends Op>(
  kind: O['kind'],
  roles: (op: O) => readonly string[],
): Pick<OpDefinition<O>, Shared | 'weightShapes'> {
  const inputBoxes = (inputs: readonly Shape[], output: Box) => [
    isEmpty(output) ? emptyRegion(inputs[0]!.length) : plainRegion(output),
  ];
  const weightBoxes = (op: O, output: Box): WeightRegion[] =>
    roles(op).map((role) => ({ role, box: isEmpty(output) ? emptyBox(1) : [output.at(-1)!] }));
  return {
    linear: false,
    outputShape(_op, inputs) {
      checkInputCount(kind, inputs, 1);
      return inputs[0]!;
    },
    weightShapes: (op, inputs) => roles(op).map((role) => ({ role, shape: [inputs[0]!.at(-1)!] })),
    inputBoxes: (_op, inputs, output) => inputBoxes(inputs, output),
    weightBoxes: (op, _inputs, output) => weightBoxes(op, output),
    cost: (op, inputs, output) =>
      costOf(
        isEmpty(output) ? 0 : boxSize(output),
        inputBoxes(inputs, output),
        weightBoxes(op, output),
        output,
      ),
    tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
    reduceShape: () => [],
  };
}
