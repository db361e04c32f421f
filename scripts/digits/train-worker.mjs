/**
 * One of the lanes of synchronous data-parallel training: each computes gradients on a batch of its own, all add up
 * all gradients in the same order, and so all hold the same parameters after every step.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createPool } from './dataset.mjs';
import { SIZE, createAdam, createTrainer, initialise } from './network.mjs';
import { mixSeeds, seededRandom } from './random.mjs';

const { module, lane, settings, train, shared } = workerData;
const { lanes, batch, steps, seed, peakRate, warmUpSteps, decay, dropout, smoothing } = settings;

const trainer = createTrainer(module, batch);
const { layout, parameters, gradients } = trainer;
initialise(layout, parameters, seededRandom(mixSeeds(seed, 1)));
const update = createAdam(layout, parameters.length, { decay });
const random = seededRandom(mixSeeds(seed, 2, lane));
const pool = createPool(seededRandom(mixSeeds(seed, 3, lane)), train, SIZE, settings.poolSlots);
const labels = new Uint8Array(batch);
const exchange = Array.from(
  { length: lanes },
  (_, i) => new Float32Array(shared.gradients, 4 * i * parameters.length, parameters.length),
);
const barrier = new Int32Array(shared.barrier);

function meet() {
  const generation = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === lanes - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
  } else {
    Atomics.wait(barrier, 1, generation);
  }
}

let loss = 0;
let right = 0;
let seen = 0;
for (let step = 0; step < steps; step++) {
  pool.renew(batch / 2);
  pool.take(trainer.images, labels);
  const result = trainer.step(labels, random, { dropout, smoothing });
  exchange[lane].set(gradients);
  meet();
  for (let i = 0; i < gradients.length; i++) {
    let sum = 0;
    for (let other = 0; other < lanes; other++) sum += exchange[other][i];
    gradients[i] = sum / lanes;
  }
  meet();
  const warmUp = Math.min(1, (step + 1) / warmUpSteps);
  update(
    parameters,
    gradients,
    peakRate * warmUp * (0.002 + 0.998 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
  );
  loss += result.loss;
  right += result.right;
  seen += 1;
  if (lane === 0 && ((step + 1) % 200 === 0 || step + 1 === steps)) {
    parentPort.postMessage({
      kind: 'progress',
      step: step + 1,
      loss: loss / seen,
      accuracy: right / (seen * batch),
    });
    loss = right = seen = 0;
  }
}
parentPort.postMessage({
  kind: 'done',
  parameters: Float32Array.from(parameters),
  statistics: trainer.statistics(),
});
