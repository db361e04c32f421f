import type { BatchNormOp } from '../graph/op.ts';

/** `(x − mean) / √(variance + ε) · gamma + beta` as one factor and one term per channel, in double precision. */
export function batchNormTerms(
  op: BatchNormOp,
  weightOf: (role: string) => Float32Array,
): { readonly scale: Float32Array; readonly offset: Float32Array } {
  const mean = weightOf('mean');
  const variance = weightOf('variance');
  const gamma = op.scale ? weightOf('gamma') : undefined;
  const beta = op.center ? weightOf('beta') : undefined;
  const scale = new Float32Array(mean.length);
  const offset = new Float32Array(mean.length);
  for (let i = 0; i < mean.length; i++) {
    const factor = (gamma?.[i] ?? 1) / Math.sqrt(variance[i]! + op.epsilon);
    scale[i] = factor;
    offset[i] = (beta?.[i] ?? 0) - mean[i]! * factor;
  }
  return { scale, offset };
}
