import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../../src/graph/graph.ts';
import { NETWORKS } from '../../../../src/models/presets.ts';
import type { PixelInput } from '../../../../src/graph/pixels.ts';
import { ClipBuffer } from '../../../../src/ui/demo/clip-buffer.ts';
import { frameReader, readingOf } from '../../../../src/ui/demo/frame-reader.ts';
import { centreArea, fitted } from '../../../../src/ui/demo/picture.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';
import { FakeSource } from '../../../support/live-fakes.ts';

const grayInput = {
  id: 'image',
  shape: [32, 32, 1],
  image: { channels: 'gray', scale: [1], offset: [0] },
} as const;
const clock = new FakeClock();

const tiny = (shape: readonly number[]): Graph => ({
  name: 'tiny',
  inputs: [{ id: 'image', shape, image: { channels: 'bgr', scale: [1], offset: [0] } }],
  nodes: [{ id: 'out', op: { kind: 'identity' }, inputs: ['image'], weights: {} }],
  outputs: ['out'],
});

describe('what a network gets of a picture', () => {
  it('is the largest part in the middle that has its aspect', () => {
    expect(centreArea({ width: 640, height: 480 }, 1)).toEqual({ left: 80, top: 0, width: 480, height: 480 });
    expect(centreArea({ width: 480, height: 640 }, 2)).toEqual({
      left: 0,
      top: 200,
      width: 480,
      height: 240,
    });
  });

  it('is looked for in a smaller picture of the same aspect', () => {
    expect(fitted({ width: 1280, height: 720 }, 320)).toEqual({ width: 320, height: 180 });
    expect(fitted({ width: 100, height: 50 }, 320)).toEqual({ width: 100, height: 50 });
  });

  it('are 8-bit values in the order of its channels', () => {
    const source = new FakeSource({ width: 8, height: 4 });
    source.show((x) => Math.floor(x) * 10);
    const reader = frameReader(tiny([2, 2, 3]), 'picture', clock);
    expect(reader.take(source)).toBe(true);
    const { input, area } = reader.read(source)!;
    expect(area).toEqual({ left: 2, top: 0, width: 4, height: 4 });
    expect([...(input as PixelInput).pixels]).toEqual([30, 30, 30, 50, 50, 50, 30, 30, 30, 50, 50, 50]);
  });

  it('of a clip are its last pictures, oldest first, and clips overlap by half', () => {
    const source = new FakeSource({ width: 4, height: 4 }, 'clip');
    const reader = frameReader(tiny([4, 1, 1, 3]), 'clip', clock);
    const asked = Array.from({ length: 9 }, (_, index) => {
      source.show(() => index);
      if (!reader.take(source)) return undefined;
      const { pixels } = reader.read(source)!.input as PixelInput;
      return Array.from({ length: 4 }, (_value, frame) => pixels[frame * 3]);
    });
    expect(asked.map((clip) => clip ?? null)).toEqual([
      null,
      null,
      null,
      [0, 1, 2, 3],
      null,
      [2, 3, 4, 5],
      null,
      [4, 5, 6, 7],
      null,
    ]);
  });

  it('of a picture that stays is a clip in which nothing moves', () => {
    const source = new FakeSource({ width: 4, height: 4 }, 'picture');
    const reader = frameReader(tiny([4, 1, 1, 3]), 'clip', clock);
    source.show(() => 9);
    expect(reader.take(source)).toBe(true);
    expect([...(reader.read(source)!.input as PixelInput).pixels]).toEqual(new Array(12).fill(9));
  });

  it('of a picture that stays is the middle where no digit is found, and of a camera nothing', () => {
    const gray = { ...tiny([32, 32, 1]), inputs: [grayInput] };
    const [camera, still] = [
      new FakeSource({ width: 64, height: 48 }),
      new FakeSource({ width: 64, height: 48 }, 'picture'),
    ];
    const reader = frameReader(gray, 'digit', clock);
    camera.show(() => 90);
    still.show(() => 90);
    expect(reader.read(camera)).toBeUndefined();
    expect(reader.read(still)).toMatchObject({ area: { left: 8, top: 0, width: 48, height: 48 } });
  });

  it('rests as long as it has searched', () => {
    const gray = { ...tiny([32, 32, 1]), inputs: [grayInput] };
    const camera = new FakeSource({ width: 64, height: 48 });
    camera.show(() => 90);
    const times = [100, 140, 140];
    const slow = { now: () => times.shift() ?? nowMs };
    let nowMs = 179;
    const reader = frameReader(gray, 'digit', slow);
    reader.read(camera);
    expect(reader.take(camera)).toBe(false);
    nowMs = 180;
    expect(reader.take(camera)).toBe(true);
  });

  it('depends on its input', () => {
    expect(readingOf(NETWORKS.c3d())).toBe('clip');
    expect(readingOf(NETWORKS.vgg16())).toBe('picture');
    expect(() => readingOf({ ...tiny([4]), inputs: [{ id: 'image', shape: [4] }] })).toThrow('no pictures');
    const two = tiny([2, 2, 3]);
    expect(() => readingOf({ ...two, inputs: [two.inputs[0]!, two.inputs[0]!] })).toThrow('2 inputs');
  });

  it('is nothing before a clip is full', () => {
    const buffer = new ClipBuffer(2);
    buffer.add(Uint8ClampedArray.of(1));
    expect(buffer.clip()).toBeUndefined();
  });
});
