import { instantiate } from './wasm.mjs';

export const SIZE = 32;
export const CLASSES = 10;
/** Convolutions are followed by batch norm and relu, and some by 2 × 2 max pooling; then two dense layers. */
export const CONVS = [
  { name: 'conv1', kernel: 5, channels: 16, pool: true },
  { name: 'conv2', kernel: 3, channels: 24, pool: false },
  { name: 'conv3', kernel: 3, channels: 32, pool: true },
  { name: 'conv4', kernel: 3, channels: 48, pool: false },
  { name: 'conv5', kernel: 3, channels: 64, pool: true },
];
export const HIDDEN = 128;
export const EPSILON = 1e-3;

/** Every trained tensor in the order in which they lie in the flat parameter vector. */
export function parameterLayout() {
  const layout = [];
  let offset = 0;
  const add = (name, shape, kind, fanIn) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    layout.push({ name, shape, kind, fanIn, offset, size });
    offset += size;
  };
  let channels = 1;
  let extent = SIZE;
  for (const { name, kernel, channels: out, pool } of CONVS) {
    add(`${name}/kernel`, [kernel, kernel, channels, out], 'kernel', kernel * kernel * channels);
    add(`${name}/gamma`, [out], 'gamma');
    add(`${name}/beta`, [out], 'beta');
    channels = out;
    if (pool) extent /= 2;
  }
  add('dense1/kernel', [extent, extent, channels, HIDDEN], 'kernel', extent * extent * channels);
  add('dense1/bias', [HIDDEN], 'beta');
  add('dense2/kernel', [HIDDEN, CLASSES], 'kernel', HIDDEN);
  add('dense2/bias', [CLASSES], 'beta');
  return { layout, size: offset };
}

/**
 * The network with its gradients, for batches of `batch`. `parameters` and `gradients` are flat vectors in the order
 * of `parameterLayout`; `statistics` holds running means and variances of the batch norms.
 */
export function createTrainer(module, batch) {
  const { layout, size } = parameterLayout();
  const { kernels, floats } = instantiate(module, 16e6 + batch * 2.2e6);
  const parameters = floats(size);
  const gradients = floats(size);
  const slot = new Map(layout.map(({ name, offset }) => [name, offset]));
  const p = (name) => parameters.at + 4 * slot.get(name);
  const g = (name) => gradients.at + 4 * slot.get(name);

  const stages = [];
  let channels = 1;
  let extent = SIZE;
  let scratch = 0;
  for (const { name, kernel, channels: out, pool } of CONVS) {
    const margin = (kernel - 1) / 2;
    const rows = batch * extent * extent;
    stages.push({
      name,
      kernel,
      channels,
      out,
      extent,
      pool,
      margin,
      rows,
      input: floats(batch * (extent + 2 * margin) ** 2 * channels),
      hat: floats(rows * out),
      z: floats(rows * out),
      pooled: pool ? floats((rows / 4) * out) : undefined,
      dz: floats(rows * out),
      turned: floats(kernel * kernel * channels * out),
      dPadded: floats(batch * (extent + 2 * margin) ** 2 * out),
      mean: floats(out),
      variance: floats(out),
      inverse: floats(out),
      runningMean: new Float32Array(out),
      runningVariance: new Float32Array(out).fill(1),
    });
    scratch = Math.max(scratch, rows * channels);
    channels = out;
    if (pool) extent /= 2;
  }
  const flat = extent * extent * channels;
  const images = floats(batch * SIZE * SIZE);
  const hidden = floats(batch * HIDDEN);
  const dHidden = floats(batch * HIDDEN);
  const kept = floats(batch * HIDDEN);
  const logits = floats(batch * CLASSES);
  const dLogits = floats(batch * CLASSES);
  const dInput = floats(Math.max(scratch, batch * flat));
  const turnedDense = floats(flat * HIDDEN);
  const turnedLast = floats(HIDDEN * CLASSES);

  /** One forward and backward pass over `images`; returns the mean loss and the number of right answers. */
  function step(labels, random, { dropout, smoothing }) {
    gradients.data.fill(0);
    let from = images;
    for (const stage of stages) {
      kernels.pad(from.at, stage.input.at, batch, stage.extent, stage.extent, stage.channels, stage.margin);
      const { kernel, extent: e, channels: c, out, rows } = stage;
      kernels.conv(stage.input.at, p(`${stage.name}/kernel`), stage.hat.at, batch, e, e, c, kernel, out);
      kernels.moments(stage.hat.at, rows, out, stage.mean.at, stage.variance.at);
      for (let j = 0; j < out; j++) {
        stage.inverse.data[j] = 1 / Math.sqrt(stage.variance.data[j] + EPSILON);
        stage.runningMean[j] += 0.02 * (stage.mean.data[j] - stage.runningMean[j]);
        stage.runningVariance[j] += 0.02 * (stage.variance.data[j] - stage.runningVariance[j]);
      }
      kernels.normaliseRelu(
        stage.hat.at,
        stage.z.at,
        rows,
        out,
        stage.mean.at,
        stage.inverse.at,
        p(`${stage.name}/gamma`),
        p(`${stage.name}/beta`),
      );
      from = stage.z;
      if (stage.pool) {
        kernels.maxPool(stage.z.at, stage.pooled.at, batch, e, e, out);
        from = stage.pooled;
      }
    }
    kernels.gemm(batch, HIDDEN, flat, from.at, flat, 1, p('dense1/kernel'), HIDDEN, hidden.at, HIDDEN, false);
    kernels.addBias(hidden.at, batch, HIDDEN, p('dense1/bias'), true);
    for (let i = 0; i < kept.data.length; i++) {
      kept.data[i] = random.next() < dropout ? 0 : 1 / (1 - dropout);
      hidden.data[i] *= kept.data[i];
    }
    kernels.gemm(
      batch,
      CLASSES,
      HIDDEN,
      hidden.at,
      HIDDEN,
      1,
      p('dense2/kernel'),
      CLASSES,
      logits.at,
      CLASSES,
      false,
    );
    kernels.addBias(logits.at, batch, CLASSES, p('dense2/bias'), false);
    const result = crossEntropy(logits.data, labels, smoothing, dLogits.data);

    const lastBias = gradients.data.subarray(slot.get('dense2/bias'));
    for (let i = 0; i < batch * CLASSES; i++) lastBias[i % CLASSES] += dLogits.data[i];
    kernels.gemm(
      HIDDEN,
      CLASSES,
      batch,
      hidden.at,
      1,
      HIDDEN,
      dLogits.at,
      CLASSES,
      g('dense2/kernel'),
      CLASSES,
      false,
    );
    kernels.turnKernel(p('dense2/kernel'), turnedLast.at, 1, HIDDEN, CLASSES);
    kernels.gemm(
      batch,
      HIDDEN,
      CLASSES,
      dLogits.at,
      CLASSES,
      1,
      turnedLast.at,
      HIDDEN,
      dHidden.at,
      HIDDEN,
      false,
    );
    const firstBias = gradients.data.subarray(slot.get('dense1/bias'));
    for (let i = 0; i < dHidden.data.length; i++) {
      const value = hidden.data[i] > 0 ? dHidden.data[i] * kept.data[i] : 0;
      dHidden.data[i] = value;
      firstBias[i % HIDDEN] += value;
    }
    kernels.gemm(
      flat,
      HIDDEN,
      batch,
      from.at,
      1,
      flat,
      dHidden.at,
      HIDDEN,
      g('dense1/kernel'),
      HIDDEN,
      false,
    );
    kernels.turnKernel(p('dense1/kernel'), turnedDense.at, 1, flat, HIDDEN);
    kernels.gemm(batch, flat, HIDDEN, dHidden.at, HIDDEN, 1, turnedDense.at, flat, dInput.at, flat, false);

    for (let i = stages.length - 1; i >= 0; i--) {
      const stage = stages[i];
      const { kernel, extent: e, channels: c, out, rows, margin } = stage;
      if (stage.pool) {
        kernels.maxPoolGradient(stage.z.at, stage.pooled.at, dInput.at, stage.dz.at, batch, e, e, out);
      } else {
        stage.dz.data.set(dInput.data.subarray(0, rows * out));
        kernels.reluGradient(stage.z.at, stage.dz.at, rows * out);
      }
      kernels.normaliseGradient(
        stage.hat.at,
        stage.dz.at,
        rows,
        out,
        p(`${stage.name}/gamma`),
        stage.inverse.at,
        g(`${stage.name}/gamma`),
        g(`${stage.name}/beta`),
      );
      kernels.convKernelGradient(
        stage.input.at,
        stage.dz.at,
        g(`${stage.name}/kernel`),
        batch,
        e,
        e,
        c,
        kernel,
        out,
      );
      if (i === 0) break;
      kernels.turnKernel(p(`${stage.name}/kernel`), stage.turned.at, kernel, c, out);
      kernels.pad(stage.dz.at, stage.dPadded.at, batch, e, e, out, margin);
      kernels.conv(stage.dPadded.at, stage.turned.at, dInput.at, batch, e, e, out, kernel, c);
    }
    return result;
  }

  const statistics = () =>
    stages.map(({ name, runningMean, runningVariance }) => ({
      name,
      mean: runningMean,
      variance: runningVariance,
    }));
  return {
    layout,
    parameters: parameters.data,
    gradients: gradients.data,
    images: images.data,
    step,
    statistics,
  };
}

/** He initialisation for kernels, ones and zeros for the rest. */
export function initialise(layout, parameters, random) {
  for (const { kind, fanIn, offset, size } of layout) {
    const part = parameters.subarray(offset, offset + size);
    if (kind === 'gamma') part.fill(1);
    else if (kind === 'beta') part.fill(0);
    else for (let i = 0; i < size; i++) part[i] = random.normal() * Math.sqrt(2 / fanIn);
  }
}

/** Adam with decoupled weight decay on kernels (Loshchilov and Hutter, 2019). */
export function createAdam(layout, size, { decay, beta1 = 0.9, beta2 = 0.999 }) {
  const first = new Float32Array(size);
  const second = new Float32Array(size);
  let steps = 0;
  return (parameters, gradients, rate) => {
    steps += 1;
    const scale = (rate * Math.sqrt(1 - beta2 ** steps)) / (1 - beta1 ** steps);
    for (const { kind, offset, size: count } of layout) {
      const shrink = kind === 'kernel' ? 1 - rate * decay : 1;
      for (let i = offset; i < offset + count; i++) {
        const gradient = gradients[i];
        const m = (first[i] = beta1 * first[i] + (1 - beta1) * gradient);
        const v = (second[i] = beta2 * second[i] + (1 - beta2) * gradient * gradient);
        parameters[i] = parameters[i] * shrink - (scale * m) / (Math.sqrt(v) + 1e-8);
      }
    }
  };
}

function crossEntropy(logits, labels, smoothing, gradient) {
  const batch = labels.length;
  let loss = 0;
  let right = 0;
  for (let b = 0; b < batch; b++) {
    const base = b * CLASSES;
    let best = 0;
    for (let j = 1; j < CLASSES; j++) if (logits[base + j] > logits[base + best]) best = j;
    const most = logits[base + best];
    let sum = 0;
    for (let j = 0; j < CLASSES; j++) sum += Math.exp(logits[base + j] - most);
    if (best === labels[b]) right += 1;
    for (let j = 0; j < CLASSES; j++) {
      const logProbability = logits[base + j] - most - Math.log(sum);
      const target = smoothing / CLASSES + (j === labels[b] ? 1 - smoothing : 0);
      loss -= (target * logProbability) / batch;
      gradient[base + j] = (Math.exp(logProbability) - target) / batch;
    }
  }
  return { loss, right };
}
