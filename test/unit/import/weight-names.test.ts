import { describe, expect, it } from 'vitest';
import { WeightNames, type WeightRequest } from '../../../src/import/weight-names.ts';

const request = (parts: Partial<WeightRequest> = {}): WeightRequest => {
  const shape = parts.shape ?? [3, 4];
  return { path: [], layer: 'dense', weight: 'kernel', index: 0, shape, view: shape, ...parts };
};
const files = (...names: string[]) => names.map((name) => ({ name, shape: [3, 4] }));

describe('names of weights in files', () => {
  it.each([
    ['the layer and the weight', 'dense/kernel', {}],
    ['the models around it', 'outer/inner/dense/kernel', { path: ['outer', 'inner'] }],
    ['the nearest model around it', 'inner/dense/kernel', { path: ['outer', 'inner'] }],
    ['a scope in between (TensorFlow 2.2)', 'dense/cell/kernel', {}],
    ["the place among the layer's weights", 'dense/0', {}],
    ['a number behind the weight', 'dense/kernel_1', {}],
    ['an output number behind the weight', 'dense/kernel:0', {}],
    ["another layer's name, when nothing else fits", 'dense_7/kernel', {}],
  ])('by %s', (_what, name, parts) => {
    const other = { name: 'other/kernel', shape: [5, 5] };
    const names = new WeightNames([other, ...files(name)]);
    expect(names.take(request(parts))).toBe(name);
    expect(names.views.get(name)).toEqual({ tensor: name, shape: [3, 4] });
  });

  it('a layer inside a model is not taken for its namesake outside', () => {
    const names = new WeightNames(files('dense/kernel', 'inner/dense/kernel'));
    expect(names.take(request({ path: ['inner'] }))).toBe('inner/dense/kernel');
    expect(names.take(request())).toBe('dense/kernel');
  });

  it('a tensor belongs to one layer only', () => {
    const names = new WeightNames(files('dense/kernel'));
    names.take(request());
    expect(names.take(request())).toBe('dense/kernel');
    expect(() => names.take(request({ path: ['inner'] }))).toThrow(/no tensor 'dense\/kernel'/);
  });

  it('does not guess between several tensors of strangers', () => {
    const names = new WeightNames(files('a/kernel', 'b/kernel'));
    expect(() => names.take(request())).toThrow(/no tensor 'dense\/kernel' of shape \[3, 4\]/);
  });

  it('reads one tensor in two shapes under two names', () => {
    const names = new WeightNames(files('dense/kernel'));
    expect(names.take(request())).toBe('dense/kernel');
    expect(names.take(request({ view: [1, 3, 4] }))).toBe('dense/kernel:1x3x4');
    expect(names.views.get('dense/kernel:1x3x4')).toEqual({ tensor: 'dense/kernel', shape: [1, 3, 4] });
  });
});
