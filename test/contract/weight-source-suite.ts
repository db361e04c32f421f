import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boxShape, formatBox, fullBox, type Box, type Shape } from '../../src/graph/box.ts';
import { cropRegion } from '../../src/graph/region-copy.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { seededRandom, type Random } from '../../src/shared/random.ts';
import type { MemoryTensor } from '../../src/weights/memory-source.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';
import { expectClose } from '../support/close.ts';

export interface WeightSourceUnderTest {
  readonly source: WeightSource;
  /** The same source after its last bytes were lost. */
  readonly truncated?: WeightSource;
  readonly close?: () => Promise<void>;
}

export interface WeightSourceHarness {
  readonly name: string;
  /** Of a whole tensor against what was stored, relative to its largest value: quantised files lose something. */
  readonly tolerance: number;
  /** Whether there are bytes behind it that can get lost. */
  readonly truncates: boolean;
  make(tensors: readonly MemoryTensor[]): Promise<WeightSourceUnderTest>;
}

const seed = 20_260_101;

function randomTensor(name: string, shape: Shape, random: Random): MemoryTensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { name, shape, data: Float32Array.from({ length: size }, () => random.normal()) };
}

function randomBox(shape: Shape, random: Random): Box {
  return shape.map((extent) => {
    const start = random.integer(extent);
    return [start, start + 1 + random.integer(extent - start)] as const;
  });
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it should have been refused'),
    (error: unknown) => error,
  );
}

async function expectCode(promise: Promise<unknown>, code: string, text: string): Promise<void> {
  const error = await thrownBy(promise);
  expect(error).toBeInstanceOf(PeerceptronError);
  expect((error as PeerceptronError).code).toBe(code);
  expect((error as PeerceptronError).message).toContain(text);
}

/** What holds for every weight source, wherever the numbers come from. */
export function weightSourceSuite(harness: WeightSourceHarness): void {
  describe(`weight source: ${harness.name}`, () => {
    const random = seededRandom(seed);
    const tensors = [
      randomTensor('conv/kernel', [3, 3, 5, 8], random),
      randomTensor('conv/bias', [8], random),
      randomTensor('fc/kernel', [7, 6, 4, 50], random),
      // Its rows are further apart than what is read through for nothing.
      randomTensor('wide', [3, 40_000], random),
      randomTensor('last', [16, 300], random),
    ];
    let subject: WeightSourceUnderTest;
    beforeAll(async () => {
      subject = await harness.make(tensors);
    });
    afterAll(() => subject.close?.());

    it('lists its tensors with their shapes', () => {
      for (const { name, shape } of tensors) {
        expect(subject.source.tensors.get(name)).toMatchObject({ name, shape: [...shape] });
      }
      expect(subject.source.tensors.size).toBe(tensors.length);
    });

    it.each(tensors.map((tensor) => [tensor.name, tensor] as const))(
      'reads %s whole',
      async (name, tensor) => {
        expectClose(
          await subject.source.read(name, fullBox(tensor.shape)),
          tensor.data,
          harness.tolerance,
          name,
        );
      },
    );

    it('reads any box as the crop of the whole tensor', async () => {
      for (const { name, shape } of tensors) {
        const whole = await subject.source.read(name, fullBox(shape));
        for (let round = 0; round < 25; round++) {
          const box = randomBox(shape, random);
          const read = await subject.source.read(name, box);
          expectClose(
            read,
            cropRegion(whole, fullBox(shape), box),
            0,
            `${name} ${formatBox(box)}, seed ${seed}`,
          );
        }
      }
    });

    it('gives every reader a buffer of its own', async () => {
      const first = await subject.source.read('conv/bias', [[0, 8]]);
      const kept = first.slice();
      first.fill(NaN);
      expect(await subject.source.read('conv/bias', [[0, 8]])).toEqual(kept);
    });

    it('answers many reads at once', async () => {
      const boxes = Array.from({ length: 12 }, () => randomBox([7, 6, 4, 50], random));
      const together = await Promise.all(boxes.map((box) => subject.source.read('fc/kernel', box)));
      for (const [index, box] of boxes.entries()) {
        const alone = await subject.source.read('fc/kernel', box);
        expectClose(together[index]!, alone, 0, `${formatBox(box)}, seed ${seed}`);
      }
    });

    it('reads an empty box as nothing', async () => {
      const box: Box = [
        [0, 3],
        [1, 1],
        [0, 5],
        [0, 8],
      ];
      expect(boxShape(box)).toContain(0);
      expect(await subject.source.read('conv/kernel', box)).toHaveLength(0);
    });

    it('refuses a box outside the tensor', async () => {
      await expectCode(subject.source.read('conv/bias', [[0, 9]]), 'BOX_INVALID', 'conv/bias');
      await expectCode(subject.source.read('conv/bias', [[-1, 2]]), 'BOX_INVALID', 'conv/bias');
      const otherRank = fullBox([3, 3]);
      await expectCode(subject.source.read('conv/bias', otherRank), 'BOX_INVALID', 'conv/bias');
    });

    it('names a tensor that it does not have', async () => {
      await expectCode(subject.source.read('nothing/here', [[0, 1]]), 'WEIGHTS_MISSING', 'nothing/here');
      await expectCode(subject.source.read('constructor', [[0, 1]]), 'WEIGHTS_MISSING', 'constructor');
    });

    it('stops when asked to, and works afterwards', async () => {
      const reason = new Error('not needed any more');
      const read = subject.source.read('wide', fullBox([3, 40_000]), AbortSignal.abort(reason));
      expect(await thrownBy(read)).toBe(reason);
      expect(await subject.source.read('conv/bias', [[0, 8]])).toHaveLength(8);
    });

    if (harness.truncates) {
      it('names the tensor of which bytes are missing', async () => {
        await expectCode(subject.truncated!.read('last', fullBox([16, 300])), 'WEIGHTS_CORRUPT', 'last');
        // What is there can still be read.
        expect(await subject.truncated!.read('conv/bias', [[0, 8]])).toHaveLength(8);
      });
    }
  });
}
