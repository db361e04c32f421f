import { describe, expect, it } from 'vitest';
import {
  encodeImage,
  imageEncoding,
  pictureChannels,
  PREPROCESSING,
  preprocessingOf,
} from '../../../src/models/image-encoding.ts';

const near = (values: readonly number[]): number[] =>
  values.map((value) => expect.closeTo(value, 4) as number);

describe('how pictures become inputs', () => {
  it.each([
    ['tf', [255, 0, 51], [1, -1, -0.6]],
    ['unit', [255, 0, 51], [1, 0, 0.2]],
    ['raw', [255, 0, 51], [255, 0, 51]],
    ['caffe', [200, 100, 50], [50 - 103.939, 100 - 116.779, 200 - 123.68]],
    ['torch', [255, 0, 51], [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]],
  ] as const)('%s', (name, [r, g, b], expected) => {
    const encoding = imageEncoding(name, 3);
    expect([...encodeImage(Uint8Array.of(r, g, b), encoding, [1, 1, 3])]).toEqual(near(expected));
  });

  it.each(PREPROCESSING)('%s has a form for gray inputs', (name) => {
    const encoding = imageEncoding(name, 1);
    expect(encoding.channels).toBe('gray');
    expect(encodeImage(Uint8Array.of(10, 20), encoding, [1, 2, 1])).toHaveLength(2);
  });

  it.each([
    ['mobilenet_0.25_224', 'tf'],
    ['MobileNetV3Large', 'raw'],
    ['xception', 'tf'],
    ['inception_v3', 'tf'],
    ['inception_resnet_v2', 'tf'],
    ['resnet50v2', 'tf'],
    ['ResNet50', 'caffe'],
    ['vgg16', 'caffe'],
    ['squeezenet_v1.1', 'caffe'],
    ['densenet121', 'torch'],
    ['alexnet', 'torch'],
    ['efficientnetb0', 'raw'],
    ['lenet', 'unit'],
    ['digits', 'unit'],
    ['model_1', 'unit'],
  ])('a model named %s takes %s', (name, preprocessing) => {
    expect(preprocessingOf(name)).toBe(preprocessing);
  });

  it('alpha is ignored, gray pixels serve colour inputs, colour serves gray inputs as brightness', () => {
    const raw = imageEncoding('raw', 3);
    expect([...encodeImage(Uint8Array.of(1, 2, 3, 99, 4, 5, 6, 99), raw, [1, 2, 3])]).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
    expect([...encodeImage(Uint8Array.of(7, 8), raw, [1, 2, 3])]).toEqual([7, 7, 7, 8, 8, 8]);
    const gray = imageEncoding('raw', 1);
    const brightness = encodeImage(Uint8Array.of(10, 20, 30, 255, 255, 255), gray, [1, 2, 1]);
    expect([...brightness]).toEqual([18, 255]); // 18.15, in 8 bits;
  });

  it('a clip is its frames', () => {
    const clip = Uint8Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => i);
    expect([...encodeImage(clip, imageEncoding('raw', 3), [2, 2, 2, 3])]).toEqual([...clip]);
  });

  it('refuses pixels of another size, and shapes that are no picture', () => {
    expect(() => encodeImage(new Uint8Array(13), imageEncoding('raw', 3), [2, 2, 3])).toThrow(/13 bytes/);
    expect(() => encodeImage(new Uint8Array(8), imageEncoding('raw', 3), [2, 2, 1])).toThrow(
      /last axis must be 3/,
    );
    expect(pictureChannels([5, 5, 2])).toBeUndefined();
    expect(pictureChannels([38, 38, 38, 1])).toBeUndefined();
    expect(pictureChannels([16, 112, 112, 3])).toBe(3);
    expect(pictureChannels([28, 28, 1])).toBe(1);
  });
});
