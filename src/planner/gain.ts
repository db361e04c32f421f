import type { Objective } from './choice.ts';
import type { Prediction } from './prediction.ts';

/** How many times as good as another plan one is, by what was asked for: latencies or rates. */
export const gainOver = (
  { kind }: Objective,
  before: Pick<Prediction, 'latencyMs' | 'framesPerSecond'>,
  after: Pick<Prediction, 'latencyMs' | 'framesPerSecond'>,
): number =>
  kind === 'latency' ? before.latencyMs / after.latencyMs : after.framesPerSecond / before.framesPerSecond;
