import { describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { weightShapes } from '../../src/graph/shapes.ts';
import { shapeSize } from '../../src/graph/box.ts';
import { NETWORK_NAMES } from '../../src/models/presets.ts';
import type { InferReport } from '../support/infer-report.ts';
import { runProgram } from '../support/program.ts';
import { weightNeeds, type DealtPlan } from '../support/weight-needs.ts';

const PEERS = 4;

/**
 * As a person runs it: peers in processes of their own, WebRTC between them, weights from a seed. One network after the
 * other: together they would need 10 GB.
 */
describe.sequential('the four networks at full size over four peer processes, under mixed plans', () => {
  it.each(NETWORK_NAMES)(
    '%s equals the unsplit network, and peers hold no weights but those of their tiles (heavy)',
    async (network) => {
      const { code, stdout, stderr } = await runProgram([
        'infer',
        '--random-input',
        '--model',
        network,
        '--peers',
        String(PEERS),
        '--plan',
        `examples/plans/${network}-4-mixed.json`,
        '--verify',
        '--json',
      ]);
      expect(code, stderr + stdout.slice(0, 1000)).toBe(0);
      const report = JSON.parse(stdout) as InferReport & { readonly plan: DealtPlan };
      expect(report.verify).toMatchObject({ withinTolerance: true, sameTop1: true });
      expect(report.verify.maxAbsDiff).toBeLessThanOrEqual(1e-4);

      expect(report.peers).toHaveLength(PEERS);
      const { graph } = await loadModelByName(network);
      const needs = weightNeeds(graph, report.plan);
      for (const { id, name, weightBytes, tiles } of report.peers) {
        expect(weightBytes, `${name}: weights`).toBe(needs.get(id));
        for (const tile of tiles) expect(tile.frames, name).toBe(1);
      }
      // Every weight is somewhere, and no peer has them all.
      const whole = 4 * [...weightShapes(graph).values()].reduce((sum, shape) => sum + shapeSize(shape), 0);
      const held = report.peers.map(({ weightBytes }) => weightBytes);
      expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(whole);
      expect(Math.max(...held)).toBeLessThan(whole / 2);
    },
    300_000,
  );
});
