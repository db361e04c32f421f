import { describe, expect, it } from 'vitest';
import { verifyGraph } from '../../../src/graph/parse.ts';
import { importLayersModel, layersModelWeights } from '../../../src/import/tfjs-layers.ts';
import { SUPPORTED_LAYERS } from '../../../src/import/keras-layers.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import { memoryBytes } from '../../../src/weights/byte-source.ts';

const node = (...inputs: string[]) => [inputs.map((name) => [name, 0, 0, {}])];

function smallModel() {
  return {
    modelTopology: {
      class_name: 'Model',
      config: {
        name: 'small',
        layers: [
          {
            name: 'image',
            class_name: 'InputLayer',
            config: { batch_input_shape: [null, 8, 8, 3], name: 'image' },
            inbound_nodes: [] as unknown[],
          },
          {
            name: 'conv',
            class_name: 'Conv2D',
            config: { filters: 4, kernel_size: [3, 3], strides: [2, 2], padding: 'same', activation: 'relu' },
            inbound_nodes: node('image'),
          },
          {
            name: 'norm',
            class_name: 'BatchNormalization',
            config: { axis: [3], epsilon: 0.001 },
            inbound_nodes: node('conv'),
          },
          {
            name: 'sum',
            class_name: 'Add',
            config: {},
            inbound_nodes: node('conv', 'norm'),
          },
          { name: 'flat', class_name: 'Flatten', config: {}, inbound_nodes: node('sum') },
          { name: 'dense', class_name: 'Dense', config: { units: 5 }, inbound_nodes: node('flat') },
        ] as { name: string; class_name: string; config: Record<string, unknown>; inbound_nodes: unknown }[],
        input_layers: [['image', 0, 0]] as unknown,
        output_layers: [['dense', 0, 0]] as unknown,
      },
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: [
          { name: 'conv/kernel', shape: [3, 3, 3, 4], dtype: 'float32' },
          { name: 'conv/bias', shape: [4], dtype: 'float32' },
          { name: 'norm/gamma', shape: [4], dtype: 'float32' },
          { name: 'norm/beta', shape: [4], dtype: 'float32' },
          { name: 'norm/moving_mean', shape: [4], dtype: 'float32' },
          { name: 'norm/moving_variance', shape: [4], dtype: 'float32' },
          { name: 'dense/kernel', shape: [64, 5], dtype: 'float32' },
          { name: 'dense/bias', shape: [5], dtype: 'float32' },
        ] as { name: string; shape: number[]; dtype: string }[],
      },
    ],
  };
}

type SmallModel = ReturnType<typeof smallModel>;

function thrownBy(run: () => unknown): PeerceptronError {
  try {
    run();
  } catch (error) {
    expect(error, String((error as Error).stack)).toBeInstanceOf(PeerceptronError);
    return error as PeerceptronError;
  }
  return expect.fail('it should have been refused');
}

const layers = (model: SmallModel) => model.modelTopology.config.layers;

describe('model files that cannot be imported', () => {
  it('the sound one can', () => {
    verifyGraph(importLayersModel(smallModel()).graph);
  });

  it.each([
    [null],
    [undefined],
    [3],
    ['{}'],
    [[]],
    [{}],
    [{ modelTopology: null, x: 1 }],
    [{ modelTopology: [] }],
  ])('refuses %j in place of a model', (raw) => {
    expect(thrownBy(() => importLayersModel(raw)).code).toBe('MODEL_CORRUPT');
  });

  it.each<[string, (model: SmallModel) => void, string, RegExp]>([
    [
      'an unknown layer, by name and with what is supported',
      (model) => Object.assign(layers(model)[4]!, { name: 'lambda_1', class_name: 'Lambda' }),
      'MODEL_UNSUPPORTED',
      /layer 'lambda_1' of type Lambda: it is not supported; supported layers are: InputLayer, Conv1D/,
    ],
    [
      'a layer named like a property of every object',
      (model) => Object.assign(layers(model)[4]!, { class_name: 'constructor' }),
      'MODEL_UNSUPPORTED',
      /type constructor/,
    ],
    [
      'channels first',
      (model) => Object.assign(layers(model)[1]!.config, { data_format: 'channels_first' }),
      'MODEL_UNSUPPORTED',
      /layer 'conv'.*channels_first/,
    ],
    [
      'an unknown activation',
      (model) => Object.assign(layers(model)[1]!.config, { activation: 'mish' }),
      'MODEL_UNSUPPORTED',
      /layer 'conv'.*activation 'mish'.*supported are linear, relu/,
    ],
    [
      'a graph model',
      (model) => Object.assign(model, { format: 'graph-model' }),
      'MODEL_UNSUPPORTED',
      /graph model/,
    ],
    [
      'another class of model',
      (model) => Object.assign(model.modelTopology, { class_name: 'Subclassed' }),
      'MODEL_UNSUPPORTED',
      /"Subclassed"/,
    ],
    [
      'a field of the wrong type, by layer and field',
      (model) => Object.assign(layers(model)[1]!.config, { filters: '4' }),
      'MODEL_CORRUPT',
      /layer 'conv' of type Conv2D: 'filters' should be a number, it is "4"/,
    ],
    [
      'a kernel size of too many axes',
      (model) => Object.assign(layers(model)[1]!.config, { kernel_size: [3, 3, 3] }),
      'MODEL_CORRUPT',
      /'kernel_size' should be 2 whole numbers/,
    ],
    [
      'an absurd size',
      (model) => Object.assign(layers(model)[1]!.config, { strides: [3e9, 3] }),
      'MODEL_CORRUPT',
      /layer 'conv'/,
    ],
    [
      'a cycle',
      (model) => Object.assign(layers(model)[1]!, { inbound_nodes: node('flat') }),
      'MODEL_CORRUPT',
      /its input 'flat'.*does not exist or depends on it/,
    ],
    [
      'an input that is not there',
      (model) => Object.assign(layers(model)[4]!, { inbound_nodes: node('gone') }),
      'MODEL_CORRUPT',
      /layer 'flat'.*'gone'/,
    ],
    [
      'an output that is not there',
      (model) => Object.assign(model.modelTopology.config, { output_layers: [['gone', 0, 0]] }),
      'MODEL_CORRUPT',
      /output 'gone'/,
    ],
    [
      'two layers of one name',
      (model) => Object.assign(layers(model)[2]!, { name: 'conv' }),
      'MODEL_CORRUPT',
      /two layers are named 'conv'/,
    ],
    [
      'a merge of shapes that do not fit',
      (model) => Object.assign(layers(model)[3]!, { inbound_nodes: node('image', 'norm') }),
      'MODEL_CORRUPT',
      /layer 'sum' of type Add/,
    ],
    [
      'a layer without its input',
      (model) => Object.assign(layers(model)[3]!, { inbound_nodes: [[]] }),
      'MODEL_CORRUPT',
      /layer 'sum'.*no inputs/,
    ],
    [
      'a missing weight, by name',
      (model) => model.weightsManifest[0]!.weights.splice(6, 1),
      'WEIGHTS_MISSING',
      /'dense\/kernel' of shape \[64, 5\] for layer 'dense'/,
    ],
    [
      'a weight of another size',
      (model) => Object.assign(model.weightsManifest[0]!.weights[6]!, { shape: [63, 5] }),
      'WEIGHTS_CORRUPT',
      /'dense\/kernel' has shape \[63, 5\], layer 'dense' needs \[64, 5\]/,
    ],
    [
      'a manifest that is none',
      (model) => Object.assign(model, { weightsManifest: { paths: [] } }),
      'WEIGHTS_CORRUPT',
      /manifest/,
    ],
  ])('refuses %s', (_what, damage, code, message) => {
    const model = smallModel();
    damage(model);
    const error = thrownBy(() => importLayersModel(model));
    expect({ code: error.code, message: error.message }).toEqual({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('a topology alone imports, and has no weights', () => {
    const model = importLayersModel({ modelTopology: smallModel().modelTopology });
    verifyGraph(model.graph);
    const error = thrownBy(() => layersModelWeights(model, (path) => memoryBytes(path, new Uint8Array(0))));
    expect(error.code).toBe('WEIGHTS_MISSING');
  });

  it('deep nesting ends in an error, not in a stack overflow', () => {
    let config: unknown = smallModel().modelTopology.config;
    for (let depth = 0; depth < 5000; depth++) {
      config = { name: 'outer', layers: [{ name: 'inner', class_name: 'Sequential', config }] };
    }
    expect(thrownBy(() => importLayersModel({ class_name: 'Sequential', config })).code).toBe(
      'MODEL_CORRUPT',
    );
  });

  it('lists every supported layer once', () => {
    expect(new Set(SUPPORTED_LAYERS).size).toBe(SUPPORTED_LAYERS.length);
  });
});

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e300,
  2 ** 40,
  '',
  'conv',
  '__proto__',
  'relu',
  [],
  [null],
  [[]],
  [[['conv', 0, 0, {}]]],
  {},
  { class_name: 'Dense' },
  { length: 3 },
];

/** Replaces, removes or duplicates something at a random place of the JSON. */
function damaged(value: unknown, random: Random): unknown {
  const isList = Array.isArray(value);
  if (typeof value !== 'object' || value === null || random.integer(8) === 0) {
    return ODD_VALUES[random.integer(ODD_VALUES.length)];
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return ODD_VALUES[random.integer(ODD_VALUES.length)];
  const chosen = random.integer(entries.length);
  const action = random.integer(6);
  if (action === 0) entries.splice(chosen, 1);
  else if (action === 1) entries.splice(chosen, 0, entries[random.integer(entries.length)]!);
  else entries[chosen] = [entries[chosen]![0], damaged(entries[chosen]![1], random)];
  return isList ? entries.map(([, item]): unknown => item) : Object.fromEntries(entries);
}

describe('damaged model files', () => {
  it('import to a sound graph or are refused with a code, never with a TypeError', () => {
    let refused = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const random = seededRandom(seed);
      let model: unknown = smallModel();
      for (let times = 1 + random.integer(3); times > 0; times--) model = damaged(model, random);
      try {
        verifyGraph(importLayersModel(model).graph);
      } catch (error) {
        expect(error, `seed ${seed}: ${String((error as Error).stack)}`).toBeInstanceOf(PeerceptronError);
        expect((error as PeerceptronError).code, `seed ${seed}: ${(error as Error).message}`).toMatch(
          /^(MODEL_|WEIGHTS_)/,
        );
        refused += 1;
      }
    }
    // Otherwise the damage does not reach what matters.
    expect(refused).toBeGreaterThan(1000);
  });
});
