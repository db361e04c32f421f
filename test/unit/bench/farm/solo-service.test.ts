import { describe, expect, it } from 'vitest';
import { soloInput } from '../../../../bench/farm/baselines/solo-input.ts';
import type { LoadCommand, Resident } from '../../../../bench/farm/baselines/solo-protocol.ts';
import { SoloService } from '../../../../bench/farm/baselines/solo-service.ts';
import { randomFrames } from '../../../../headless/frames.ts';
import type { ThreadTime } from '../../../../src/engine/shared-time.ts';
import { pixelsToF32, type PixelInput } from '../../../../src/graph/pixels.ts';
import { NETWORKS } from '../../../../src/models/presets.ts';
import { Chain } from '../../../support/small-networks.ts';

const graph = new Chain([2]).relu('relu').graph('tiny');
const LOAD = { type: 'load', runtime: 'tfjs', network: 'alexnet' };

/** A thread whose clock only its jobs and its rests move. */
class FakeThread implements ThreadTime {
  nowMs = 0;
  busyMs = 0;
  now = (): number => this.nowMs;
  processorMs = (): number => this.busyMs;
  sleep = async (ms: number): Promise<void> => void (this.nowMs += ms);

  compute(ms: number): void {
    this.nowMs += ms;
    this.busyMs += ms;
  }
}

function started({ resident }: { readonly resident?: Resident } = {}) {
  const thread = new FakeThread();
  const opened: LoadCommand[] = [];
  let predictions = 0;
  let settled = 0;
  const service = new SoloService({
    time: thread,
    resident: () => resident,
    settle: () => (settled += 1),
    async open(command) {
      opened.push(command);
      thread.compute(1000);
      return {
        graph,
        model: {
          predict(input) {
            predictions += 1;
            thread.compute(50);
            return input.map((value) => value * 2);
          },
        },
      };
    },
  });
  const say = (command: unknown) => service.obey(JSON.stringify(command));
  return { thread, opened, service, say, predictions: () => predictions, settled: () => settled };
}

describe('a device that computes alone', () => {
  it('loads at full speed, warm-up included', async () => {
    const { say, opened, predictions, settled } = started({ resident: { now: 5, most: 9 } });
    await say({ type: 'share', share: 0.1 });
    expect(await say(LOAD)).toEqual({ type: 'loaded', loadMs: 1050, resident: { now: 5, most: 9 } });
    expect(opened).toEqual([LOAD]);
    expect([predictions(), settled()]).toEqual([1, 1]);
    const cold = started();
    expect(await cold.say({ ...LOAD, warmUp: false })).toEqual({ type: 'loaded', loadMs: 1000 });
  });

  it('takes as long for a frame as with its share of a core', async () => {
    const { say } = started({ resident: { now: 5, most: 9 } });
    await say(LOAD);
    expect(await say({ type: 'run', seed: 1 })).toEqual({
      type: 'frame',
      latencyMs: 50,
      processorMs: 50,
      resident: { now: 5, most: 9 },
    });
    expect(await say({ type: 'share', share: 0.1 })).toEqual({ type: 'share', share: 0.1 });
    const frame = await say({ type: 'run', seed: 1 });
    expect(frame).toMatchObject({ type: 'frame', processorMs: 50 });
    expect(frame.type === 'frame' && frame.latencyMs).toBeCloseTo(500, 6);
  });

  it('answers with the output where it is asked for', async () => {
    const { say } = started();
    await say(LOAD);
    const input = [...soloInput(graph, 7)];
    expect(await say({ type: 'run', seed: 7, output: true })).toMatchObject({
      output: input.map((value) => Math.fround(value * 2)),
    });
    expect(await say({ type: 'run', seed: 7 })).not.toHaveProperty('output');
  });

  it('answers in order, one command at a time', async () => {
    const { say } = started();
    const replies = [say(LOAD), say({ type: 'run', seed: 1 }), say({ type: 'share', share: 1 })];
    expect((await Promise.all(replies)).map(({ type }) => type)).toEqual(['loaded', 'frame', 'share']);
  });

  it.each([
    ['what is no JSON', 'run', /is not JSON/],
    ['an unknown command', '{"type":"stop"}', /type/],
    ['a share of nothing', '{"type":"share","share":0}', /share/],
    ['a network that there is not', '{"type":"load","runtime":"tfjs","network":"lenet"}', /network/],
    ['a frame before there is a network', '{"type":"run","seed":1}', /send `load` first/],
  ])('refuses %s', async (_name, line, message) => {
    expect(await started().service.obey(line)).toMatchObject({
      type: 'error',
      code: 'USAGE',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('refuses a second network', async () => {
    const { say } = started();
    await say(LOAD);
    expect(await say(LOAD)).toMatchObject({ type: 'error', code: 'USAGE' });
  });

  it('gets the frames that a mesh gets', async () => {
    for (const network of [NETWORKS.alexnet({ inputShape: [64, 64, 3] }), graph]) {
      const [sent] = await randomFrames(network, 4, 1)[0]!.inputs();
      const numbers = sent instanceof Float32Array ? sent : pixelsToF32(sent as PixelInput);
      expect(soloInput(network, 4)).toEqual(numbers);
    }
  });
});
