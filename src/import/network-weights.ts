import { formatShape, shapeSize, type Shape } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import { nodeWeightShapes, tensorShapes } from '../graph/shapes.ts';
import { sameShape } from '../graph/graph-builder.ts';
import type { NetworkName } from '../models/presets.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { StoredTensor } from '../weights/box-reader.ts';
import { storedSource } from '../weights/stored-source.ts';
import type { WeightSource } from '../weights/weight-source.ts';

/** torchvision's `features.n` and `classifier.n`: indexes of the layers with weights, by our names. */
const TORCHVISION: Readonly<Partial<Record<NetworkName, Readonly<Record<string, string>>>>> = {
  alexnet: numbered(
    [0, 3, 6, 8, 10],
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5'],
    [1, 4, 6],
    ['fc6', 'fc7', 'fc8'],
  ),
  vgg16: numbered(
    [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    [2, 2, 3, 3, 3].flatMap((count, block) =>
      Array.from({ length: count }, (_, conv) => `block${block + 1}_conv${conv + 1}`),
    ),
    [0, 3, 6],
    ['fc1', 'fc2', 'predictions'],
  ),
};

function numbered(
  features: readonly number[],
  convolutions: readonly string[],
  classifier: readonly number[],
  dense: readonly string[],
): Record<string, string> {
  return Object.fromEntries([
    ...convolutions.map((layer, index) => [layer, `features.${features[index]!}`]),
    ...dense.map((layer, index) => [layer, `classifier.${classifier[index]!}`]),
  ]) as Record<string, string>;
}

/** Blocks of Xception whose shortcut is a convolution, in the order in which Keras counts them. */
const SHORTCUTS = ['block2', 'block3', 'block4', 'block13'];

/** A tensor of a file, its name taken apart. */
interface FileTensor {
  readonly tensor: StoredTensor;
  readonly layer: string;
  /** As Keras calls it now: `kernel`, `moving_mean`. */
  readonly role: string;
  /** Kernels are `[out, in, ...]`. */
  readonly torch: boolean;
}

/**
 * The tensors of a published file as the weights of a preset, under their names and in their shapes. Read are:
 *
 * - the names of Keras Applications (VGG16, Xception) and any file that names layers as our graph does, as
 *   `layer/kernel`, `layer/layer/kernel:0`, `layer/layer_W_1:0`, kernels in Keras' order;
 * - torchvision's AlexNet and VGG16, and `layer.weight` of any of our layers (C3D), kernels in PyTorch's order
 *   `[out, in, ...spatial]`, the first dense layer over channels first.
 *
 * @throws WEIGHTS_MISSING, WEIGHTS_CORRUPT (another shape), naming tensor and shapes
 */
export function networkWeights(
  network: NetworkName,
  graph: Graph,
  tensors: readonly StoredTensor[],
  fileName: string,
): WeightSource {
  const files = tensors.map(takenApart);
  const byName = new Map(files.map((file) => [`${file.layer} ${file.role}`, file]));
  const layers = [...new Set(files.map(({ layer }) => layer))];
  const shapes = tensorShapes(graph);
  const found: StoredTensor[] = [];
  for (const node of graph.nodes) {
    for (const { role, shape } of nodeWeightShapes(node, shapes)) {
      const name = node.weights[role]!;
      const cut = name.lastIndexOf('/');
      const part = name.slice(cut + 1);
      const aliases = aliasesOf(network, name.slice(0, cut), layers);
      const file = aliases.flatMap((layer) => byName.get(`${layer} ${part}`) ?? [])[0];
      if (!file) throw missing(fileName, name, part, shape, aliases, tensors);
      found.push(stored(file, name, shape, node, fileName));
    }
  }
  return storedSource(found);
}

/** What a layer may be called in files. */
function aliasesOf(network: NetworkName, layer: string, fileLayers: readonly string[]): string[] {
  const aliases = [layer];
  const torchvision = TORCHVISION[network]?.[layer];
  if (torchvision !== undefined) aliases.push(torchvision);
  // Many ports of C3D drop the letter where a stage has one convolution.
  if (network === 'c3d' && /^conv[12]a$/.test(layer)) aliases.push(layer.slice(0, -1));
  const shortcut = /^(block\d+)_residual(_bn)?$/.exec(layer);
  if (network === 'xception' && shortcut) {
    const place = SHORTCUTS.indexOf(shortcut[1]!);
    const counted = inKerasOrder(
      fileLayers,
      shortcut[2] ? /^batch_?normalization(?:_(\d+))?$/ : /^conv(?:olution)?2d(?:_(\d+))?$/,
    );
    const alias = counted[place];
    // Of other than four it is not known which is which.
    if (alias !== undefined && counted.length === SHORTCUTS.length) aliases.push(alias);
  }
  return aliases;
}

/** Keras counts layers that have no name of their own: `conv2d`, `conv2d_1`, …, from any number on. */
function inKerasOrder(layers: readonly string[], pattern: RegExp): string[] {
  return layers
    .flatMap((layer) => {
      const match = pattern.exec(layer);
      return match ? [{ layer, count: Number(match[1] ?? 0) }] : [];
    })
    .sort((a, b) => a.count - b.count)
    .map(({ layer }) => layer);
}

const ROLES: Readonly<Record<string, string>> = {
  weight: 'kernel',
  W: 'kernel',
  b: 'bias',
  running_mean: 'moving_mean',
  running_var: 'moving_variance',
  // Of Keras 1, which kept the variance under that name.
  running_std: 'moving_variance',
};

function takenApart(tensor: StoredTensor): FileTensor {
  const path = tensor.name.replace(/^(?:\/|model_weights\/|module\.|model\.)+/, '').replace(/:\d+$/, '');
  const cut = Math.max(path.lastIndexOf('/'), path.lastIndexOf('.'));
  const last = path.slice(cut + 1);
  // Keras groups by layer; what stands between repeats the layer.
  const layer = path.includes('/') ? path.slice(0, path.indexOf('/')) : path.slice(0, Math.max(0, cut));
  const plain = last.replace(/_\d+$/, '');
  const short = plain.startsWith(`${layer}_`) ? plain.slice(layer.length + 1) : plain;
  return { tensor, layer, role: ROLES[short] ?? short, torch: short === 'weight' };
}

function stored(file: FileTensor, name: string, shape: Shape, node: OpNode, fileName: string): StoredTensor {
  const layouts = layoutsOf(node, shape, file.torch);
  const layout = layouts.find(({ fileShape }) => sameShape(fileShape, file.tensor.shape));
  if (!layout) {
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `${fileName}: tensor '${file.tensor.name}' has shape ${formatShape(file.tensor.shape)}, '${name}' needs ${formatShape(layouts[0]!.fileShape)}: the file is of another model`,
      {
        details: {
          tensor: file.tensor.name,
          weight: name,
          found: file.tensor.shape,
          expected: layouts[0]!.fileShape,
        },
      },
    );
  }
  const { storageOrder } = layout;
  return { ...file.tensor, name, shape, ...(storageOrder ? { storageOrder } : {}) };
}

interface Layout {
  readonly fileShape: Shape;
  readonly storageOrder?: readonly number[];
}

/** In which shapes a file may hold the weight, and in which order; the usual one first. */
function layoutsOf({ op }: OpNode, shape: Shape, torch: boolean): Layout[] {
  if (op.kind !== 'conv' && op.kind !== 'dense') return [{ fileShape: shape }];
  const rank = shape.length;
  const inner = shape.slice(0, -1);
  if (torch) {
    const storageOrder = [rank - 1, rank - 2, ...inner.slice(0, -1).keys()];
    const whole: Layout = { fileShape: storageOrder.map((axis) => shape[axis]!), storageOrder };
    // Flattened, channels first.
    const flat: Layout = { fileShape: [shape.at(-1)!, shapeSize(inner)], storageOrder };
    return op.kind === 'dense' ? [flat, whole] : [whole];
  }
  const own: Layout = { fileShape: shape };
  if (op.kind === 'dense') return [{ fileShape: [shapeSize(inner), shape.at(-1)!] }, own];
  if (op.groups === 1) return [own];
  // Keras: [...size, channels, multiplier]; the same elements in the same order.
  const depthwise = [...shape.slice(0, -2), op.groups * shape.at(-2)!, shape.at(-1)! / op.groups];
  return [{ fileShape: depthwise }, own];
}

function missing(
  fileName: string,
  name: string,
  role: string,
  shape: Shape,
  aliases: readonly string[],
  tensors: readonly StoredTensor[],
): PeerceptronError {
  const some = tensors.slice(0, 4).map((tensor) => `'${tensor.name}'`);
  return new PeerceptronError(
    'WEIGHTS_MISSING',
    `${fileName} has no tensor for '${name}' of shape ${formatShape(shape)} (looked for ${aliases.map((alias) => `'${alias}'`).join(' or ')}, ${role}); it has ${
      some.length > 0 ? some.join(', ') : 'no tensors'
    }${tensors.length > 4 ? ` and ${tensors.length - 4} more` : ''}: check that the file is of this model`,
    { details: { tensor: name, expected: shape } },
  );
}
