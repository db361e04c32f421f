import { afterEach, describe, expect, it } from 'vitest';
import { loadModel, type LoadedModel } from '../../../../src/import/load-model.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { cameraError } from '../../../../src/ui/demo/camera-problem.ts';
import { DemoController } from '../../../../src/ui/demo/demo-controller.ts';
import type { ModelChoice } from '../../../../src/ui/demo/model-choice.ts';
import { memoryBytes } from '../../../../src/weights/byte-source.ts';
import { digitModel } from '../../../support/digit-model.ts';
import { drawScene } from '../../../support/drawn-scene.ts';
import { FakeRunner, FakeSource, FakeSources } from '../../../support/live-fakes.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

const size = { width: 64, height: 48 };

const presetModel = (): Promise<LoadedModel> =>
  loadModel('alexnet', { open: (name) => memoryBytes(name, new Uint8Array()), inputShape: [67, 67, 3] });

function setUp(open: (choice: ModelChoice) => Promise<LoadedModel> = presetModel) {
  const clock = new FakeClock();
  const sources = new FakeSources();
  const runner = new FakeRunner();
  const opened: ModelChoice[] = [];
  const demo = new DemoController({
    clock,
    sources,
    runner,
    openModel: async (choice) => {
      opened.push(choice);
      return open(choice);
    },
    choice: { kind: 'preset', name: 'alexnet' },
  });
  const source = (): FakeSource => sources.next as FakeSource;
  return {
    clock,
    sources,
    runner,
    opened,
    demo,
    source,
    /** The camera is on, and the network computes. */
    start: async () => {
      demo.chooseSource({ kind: 'camera' });
      await expect.poll(() => source().isWatched).toBe(true);
    },
    show: async (value = 100) => {
      source().show(() => value);
      await settle();
    },
  };
}

describe('the demo', () => {
  const made: DemoController[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((demo) => demo.close()));
  });
  const started = async (...options: Parameters<typeof setUp>) => {
    const world = setUp(...options);
    made.push(world.demo);
    await world.start();
    return world;
  };

  it('opens nothing before something is shown', async () => {
    const { demo, runner, opened } = setUp();
    await settle();
    demo.retry();
    await settle();
    expect([...runner.calls, ...opened]).toEqual([]);
    expect(demo.state.live.source).toEqual({ state: 'none' });
  });

  it('answers what is shown, and says how fast', async () => {
    const { demo, show, clock } = await started();
    for (let frame = 0; frame < 5; frame++) {
      await show(frame);
      await clock.advance(100);
    }
    const { live, answer, said } = demo.state;
    expect(answer?.top).toHaveLength(5);
    expect(answer?.top[0]).toMatchObject({ index: 0 });
    // The middle of a picture of 64 × 48, for a square input.
    expect(answer?.area).toEqual({ left: 8, top: 0, width: 48, height: 48 });
    expect(said?.prediction.index).toBe(0);
    expect(live).toMatchObject({
      network: { name: 'alexnet', reading: 'picture', classes: 1000, isRandom: true },
      rates: { framesPerSecond: 10, latencyMs: 0 },
      counts: { offered: 5, computed: 5, dropped: 0 },
      plan: { devices: ['this device'] },
      isMirrored: true,
      cameras: [{ id: 'one', name: 'Front' }],
    });
    expect(live.doing).toBeUndefined();
  });

  it('lets the newest picture win where the room is slow, and counts the others', async () => {
    const { demo, show, runner } = await started();
    const waiting: ((output: Float32Array) => void)[] = [];
    const seen: unknown[] = [];
    runner.compute = (input) => {
      seen.push('pixels' in input ? input.pixels[0] : undefined);
      return new Promise((resolve) => waiting.push(resolve));
    };
    for (const value of [10, 20, 30]) await show(value);
    expect(seen).toEqual([10]);
    waiting.shift()!(new Float32Array(1000).fill(0.001));
    await settle();
    expect(seen).toEqual([10, 30]);
    waiting.shift()!(new Float32Array(1000).fill(0.001));
    await settle();
    expect(demo.state.live.counts).toMatchObject({ offered: 3, computed: 2, dropped: 1 });
  });

  it('closes the session a minute after it is shown nothing more, and opens another then', async () => {
    const { demo, runner, source, clock, start, sources } = await started();
    demo.chooseSource(undefined);
    await settle();
    expect(source().isClosed).toBe(true);
    await clock.advance(59_999);
    expect(runner.calls).toEqual(['open']);
    await clock.advance(1);
    expect(runner.calls).toEqual(['open', 'close']);
    expect(demo.state.live.plan).toBeUndefined();
    sources.next = new FakeSource(size);
    await start();
    expect(runner.calls).toEqual(['open', 'close', 'open']);
  });

  it('keeps the session while something else is shown', async () => {
    const { demo, runner, source, sources } = await started();
    const camera = source();
    sources.next = new FakeSource(size, 'picture');
    demo.chooseSource({ kind: 'sample', url: 'samples/5.png' });
    await expect.poll(() => source().isWatched).toBe(true);
    expect(camera.isClosed).toBe(true);
    expect(runner.calls).toEqual(['open']);
    expect(demo.state.live).toMatchObject({ isMirrored: false, counts: { offered: 0 } });
  });

  it('changes the network under what is shown: the old session is closed before the new one opens', async () => {
    const { demo, runner, opened, source } = await started(async (choice) =>
      choice.kind === 'bundled' ? digitModel() : presetModel(),
    );
    demo.chooseModel({ kind: 'bundled' });
    await expect.poll(() => demo.state.live.network?.name).toBe('digits');
    await expect.poll(() => source().isWatched).toBe(true);
    expect(opened).toEqual([{ kind: 'preset', name: 'alexnet' }, { kind: 'bundled' }]);
    expect(runner.calls).toEqual(['open', 'close', 'open']);
    expect(demo.state.live.network).toMatchObject({ reading: 'digit', classes: 10, isRandom: false });
  });

  it('finds the digit that the bundled network is to read, and says where none is', async () => {
    const { demo, source } = await started(digitModel);
    const whole = { width: 320, height: 240 };
    const { picture, box } = drawScene({
      ...whole,
      ground: () => 210,
      ink: 40,
      digit: 4,
      centre: [160, 120],
      heightPixels: 100,
      strokePixels: 12,
      random: seededRandom(1),
    });
    // The source is a fifth of that size: it is searched as it is.
    source().show(() => 200);
    await settle();
    expect(demo.state).toMatchObject({ isNothing: true, live: { counts: { offered: 0, failed: 0 } } });
    source().show(
      (x, y) =>
        picture.values[
          Math.floor((y * whole.height) / size.height) * whole.width +
            Math.floor((x * whole.width) / size.width)
        ]!,
    );
    await settle();
    const { answer, isNothing } = demo.state;
    expect(isNothing).toBe(false);
    expect(answer?.seen?.pixels).toHaveLength(32 * 32);
    expect(answer!.area.left * 5).toBeGreaterThan(box.left - 10);
    expect(answer!.area.height * 5).toBeLessThan(box.height + 20);
  });

  it('says in words why there is no camera', async () => {
    const { demo, sources } = setUp();
    sources.next = cameraError('insecure', 'the browser offers none to this page');
    demo.chooseSource({ kind: 'camera' });
    await settle();
    expect(demo.state.live).toMatchObject({
      source: { state: 'none' },
      problem: { where: 'source', camera: 'insecure', problem: { code: 'INPUT_INVALID' } },
    });
  });

  it('goes on when the camera is unplugged, with another source', async () => {
    const { demo, sources, source, start, runner } = await started();
    sources.end(cameraError('unplugged', 'it was unplugged'));
    expect(demo.state.live.problem?.camera).toBe('unplugged');
    expect(source().isClosed).toBe(true);
    sources.next = new FakeSource(size);
    await start();
    expect(demo.state.live.problem).toBeUndefined();
    expect(runner.calls).toEqual(['open']);
  });

  it('takes a source that was opened too late for none', async () => {
    const { demo, sources, source } = setUp();
    demo.chooseSource({ kind: 'camera' });
    const first = source();
    sources.next = new FakeSource(size, 'picture');
    demo.chooseSource({ kind: 'sample', url: 'a.png' });
    await expect.poll(() => source().isWatched).toBe(true);
    expect(first.isClosed).toBe(true);
    expect(first.isWatched).toBe(false);
    await demo.close();
  });

  it('tells what is wrong with a network, and tries again on request', async () => {
    const { demo, runner, source } = setUp();
    runner.failure = new PeerceptronError('PLAN_MEMORY', 'it does not fit');
    demo.chooseSource({ kind: 'camera' });
    await expect.poll(() => demo.state.live.problem?.where).toBe('network');
    expect(demo.state.live.doing).toBeUndefined();
    expect(demo.state.live.source.state).toBe('open');
    runner.failure = undefined;
    demo.retry();
    await expect.poll(() => source().isWatched).toBe(true);
    expect(demo.state.live.problem).toBeUndefined();
    await demo.close();
  });

  it('refuses a network that takes no pictures', async () => {
    const { demo } = setUp(async () => {
      const model = await presetModel();
      return { ...model, graph: { ...model.graph, inputs: [{ id: 'image', shape: [67, 67, 3] }] } };
    });
    demo.chooseSource({ kind: 'camera' });
    await expect.poll(() => demo.state.live.problem?.problem.code).toBe('MODEL_UNSUPPORTED');
    await demo.close();
  });

  it('goes on after a frame that failed, and gives the session up where it is over', async () => {
    const { demo, runner, show, source } = await started();
    const compute = runner.compute;
    runner.compute = () => Promise.reject(new PeerceptronError('FRAME_TIMEOUT', 'too slow'));
    await show(1);
    expect(demo.state.live.problem?.where).toBe('frames');
    runner.compute = compute;
    await show(2);
    expect(demo.state.live.problem).toBeUndefined();
    runner.compute = () => Promise.reject(new PeerceptronError('PEER_LOST', 'nobody is left'));
    await show(3);
    expect(demo.state.live.problem).toMatchObject({ where: 'network', problem: { code: 'PEER_LOST' } });
    expect(source().isWatched).toBe(false);
    expect(runner.calls.at(-1)).toBe('close');
  });

  it('names classes by a file, also after the session was closed in between', async () => {
    const { demo, show, clock, sources, start } = await started();
    await show();
    const names = Array.from({ length: 1000 }, (_, index) => `thing ${index}`);
    demo.chooseLabels(new File([names.join('\n')], 'names.txt'));
    await expect.poll(() => demo.state.answer?.top[0]?.label).toBe('thing 0');
    demo.chooseSource(undefined);
    await clock.advance(60_000);
    sources.next = new FakeSource(size);
    await start();
    expect(demo.state.live.network?.labels?.[999]).toBe('thing 999');
  });

  it('refuses names that do not fit, and goes on', async () => {
    const { demo, show } = await started();
    demo.chooseLabels(new File(['one\ntwo'], 'names.txt'));
    await expect.poll(() => demo.state.live.problem?.where).toBe('labels');
    expect(demo.state.live.problem?.problem.message).toContain('names 2 classes');
    await show();
    expect(demo.state.answer?.top[0]?.label).toBeUndefined();
    expect(demo.state.live.problem?.where).toBe('labels');
  });

  it('is over when the page is left', async () => {
    const { demo, runner, source } = await started();
    await demo.close();
    expect(source().isClosed).toBe(true);
    expect(runner.calls).toEqual(['open', 'close']);
    demo.chooseSource({ kind: 'camera' });
    demo.chooseModel({ kind: 'bundled' });
    await settle();
    expect(runner.calls).toEqual(['open', 'close']);
  });
});
