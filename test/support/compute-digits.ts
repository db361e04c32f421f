import { webcrypto } from 'node:crypto';
import { expect } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../src/runtime/whole-model.ts';
import { asSessionId, toHex, type PeerId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';

/** A session of the digit network on the only other member; it stays open until `close`. */
export async function digitsOn(mesh: Mesh): Promise<Session> {
  const { graph, weights } = await loadModelByName('digits', {});
  const [peer] = [...mesh.members.keys()] as [PeerId];
  return openSession({
    node: new RuntimeNode(mesh),
    graph,
    weights,
    plan: pipelinePlan({
      graph,
      session: asSessionId(toHex(webcrypto.getRandomValues(new Uint8Array(16)))),
      epoch: 0,
      peers: [{ id: peer, speed: 1 }],
    }),
    clock: systemClock,
  });
}

/** Three frames of it, compared with the unsplit model. */
export async function computeDigits(mesh: Mesh): Promise<void> {
  const engine = createReferenceEngine();
  const { graph, weights } = await loadModelByName('digits', {});
  const session = await digitsOn(mesh);
  const whole = await loadWholeModel(engine, graph, weights);
  const random = seededRandom(7);
  for (let frame = 0; frame < 3; frame++) {
    const image = Float32Array.from({ length: 32 * 32 }, () => random.next());
    const { outputs } = await session.run([image.slice()]);
    expect(compareOutputs(outputs, (await whole.run([image])).outputs)).toMatchObject({
      withinTolerance: true,
      sameTop1: true,
    });
  }
  await session.close();
  await engine.dispose();
}
