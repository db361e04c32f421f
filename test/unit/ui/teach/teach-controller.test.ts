import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../../../src/import/load-model.ts';
import type { FrameInput } from '../../../../src/runtime/frame-input.ts';
import { seededRandom, type Random } from '../../../../src/shared/random.ts';
import { taughtGraph } from '../../../../src/ui/teach/feature-network.ts';
import { TeachController } from '../../../../src/ui/teach/teach-controller.ts';
import { parseLesson } from '../../../../src/ui/teach/teach-file.ts';
import { digitModel, wholeNetwork } from '../../../support/digit-model.ts';
import { FakeRunner, FakeSource, FakeSources } from '../../../support/live-fakes.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

const SIZE = { width: 96, height: 72 };

type Picture = (x: number, y: number) => number;

/** Something that is held up by hand: never in the same place, of the same size, or in the same light. */
const things: readonly ((random: Random) => Picture)[] = [
  // A mug: a dark block with a ring at its side.
  (random) => {
    const { x0, y0, scale, light, ground } = drawn(random);
    return noisy(random, (x, y) => {
      const [u, v] = [(x - x0) / scale, (y - y0) / scale];
      const ring = Math.hypot(u - 1.1, v);
      return Math.abs(u) < 0.8 && Math.abs(v) < 1
        ? 60 + light
        : ring < 0.6 && ring > 0.35
          ? 60 + light
          : ground;
    });
  },
  // A striped ball.
  (random) => {
    const { x0, y0, scale, light, ground } = drawn(random);
    return noisy(random, (x, y) => {
      const [u, v] = [(x - x0) / scale, (y - y0) / scale];
      if (Math.hypot(u, v) > 1.1) return ground;
      return Math.floor((u + v) * 3) % 2 === 0 ? 235 - light : 60 + light;
    });
  },
];

const drawn = (random: Random) => ({
  x0: 48 + 10 * (random.next() - 0.5),
  y0: 36 + 10 * (random.next() - 0.5),
  scale: 16 + 6 * random.next(),
  light: 30 * random.next(),
  ground: 150 + 40 * random.next(),
});

const noisy =
  (random: Random, picture: Picture): Picture =>
  (x, y) =>
    Math.min(255, Math.max(0, picture(x, y) + 6 * random.normal()));

describe('teaching', () => {
  let model: LoadedModel;
  let features: (input: FrameInput) => Promise<Float32Array>;

  beforeAll(async () => {
    model = await digitModel();
    features = await wholeNetwork(model, taughtGraph(model));
  });

  const made: TeachController[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((teach) => teach.close()));
  });

  async function setUp() {
    const clock = new FakeClock();
    const sources = new FakeSources();
    const source = new FakeSource(SIZE);
    sources.next = source;
    const runner = new FakeRunner(features);
    const teach = new TeachController({ clock, sources, runner, openModel: async () => model });
    made.push(teach);
    const random = seededRandom(7);
    let shown = 0;
    return {
      clock,
      runner,
      teach,
      start: async () => {
        teach.chooseSource({ kind: 'camera' });
        await expect.poll(() => source.isWatched).toBe(true);
      },
      /** Holds one thing up for a picture, and waits for what comes of it. */
      show: async (thing: number) => {
        await clock.advance(120);
        shown += 1;
        source.show(things[thing]!(random));
        await expect.poll(() => teach.state.live.counts.computed).toBe(shown);
        await settle();
      },
    };
  }

  const best = ({ state }: TeachController): number | undefined =>
    state.shares?.indexOf(Math.max(...state.shares));

  it('tells two things apart after twenty pictures of each, with the network that comes with the page', async () => {
    const { teach, start, show, runner } = await setUp();
    await start();
    // What the rest of the network would take is not even asked for.
    expect(runner.jobs[0]!.graph.outputs).toEqual(['dense1/relu']);
    for (const [index, { id }] of [...teach.state.classes].entries()) {
      teach.press(id);
      for (let picture = 0; picture < 20; picture++) await show(index);
      teach.release();
    }
    expect(teach.state.classes.map(({ examples }) => examples.length)).toEqual([20, 20]);
    let right = 0;
    for (let picture = 0; picture < 100; picture++) {
      await show(picture % 2);
      if (best(teach) === picture % 2) right += 1;
    }
    expect(right).toBeGreaterThanOrEqual(95);
    expect(teach.state.classes.map(({ examples }) => examples.length)).toEqual([20, 20]);
  });

  it('tells nothing before there are examples of two classes', async () => {
    const { teach, start, show } = await setUp();
    await start();
    teach.press(0);
    await show(0);
    expect(teach.state.classes[0]!.examples).toHaveLength(1);
    expect(teach.state.shares).toBeUndefined();
    teach.press(1);
    await show(1);
    teach.release();
    expect(teach.state.shares).toEqual([0, 1]);
    expect(teach.state.held).toBeUndefined();
  });

  it('saves what it was taught, and knows it again in another page', async () => {
    const first = await setUp();
    expect(first.teach.save()).toBeUndefined();
    await first.start();
    first.teach.rename(0, 'mug');
    first.teach.rename(1, 'ball');
    for (const thing of [0, 1]) {
      first.teach.press(thing);
      for (let picture = 0; picture < 3; picture++) await first.show(thing);
    }
    first.teach.release();
    const text = first.teach.save()!;
    expect(parseLesson(text)).toMatchObject({
      network: { name: 'digits', tensor: 'dense1/relu', size: 128 },
      choice: { kind: 'bundled' },
    });

    const second = await setUp();
    second.teach.load(new Blob([text]));
    await expect.poll(() => second.teach.state.classes.map(({ name }) => name)).toEqual(['mug', 'ball']);
    await second.start();
    await second.show(1);
    expect(second.teach.state.classes.map(({ examples }) => examples.length)).toEqual([3, 3]);
    expect(best(second.teach)).toBe(1);
    expect(second.teach.state.problem).toBeUndefined();
  });

  it('refuses a damaged file, and keeps what it has', async () => {
    const { teach, start, show } = await setUp();
    await start();
    teach.press(0);
    await show(0);
    teach.load(new Blob(['{"format":']));
    await expect.poll(() => teach.state.problem?.problem.code).toBe('MODEL_CORRUPT');
    expect(teach.state.classes[0]!.examples).toHaveLength(1);
  });

  it('refuses the examples of a network that it has no way to', async () => {
    const { teach, start, show } = await setUp();
    await start();
    teach.press(0);
    await show(0);
    const { choice: _, ...json } = JSON.parse(teach.save()!) as Record<string, unknown>;
    const other = { ...json, network: { name: 'mine', tensor: 'a', size: 128, weights: 'file' } };
    teach.load(new Blob([JSON.stringify(other)]));
    await expect.poll(() => teach.state.problem?.kind).toBe('other-network');
    expect(teach.state.classes[0]!.examples).toHaveLength(1);
  });

  it('forgets examples that turn out to be of other weights', async () => {
    const first = await setUp();
    await first.start();
    first.teach.press(0);
    await first.show(0);
    const json = JSON.parse(first.teach.save()!) as { network: object };
    const other = { ...json, network: { ...json.network, weights: 'seed 5' } };
    const second = await setUp();
    second.teach.load(new Blob([JSON.stringify(other)]));
    await expect.poll(() => second.teach.state.classes[0]!.examples.length).toBe(1);
    await second.start();
    expect(second.teach.state).toMatchObject({ problem: { kind: 'other-network' }, hasForgotten: true });
    expect(second.teach.state.classes[0]!.examples).toHaveLength(0);
  });

  it('has two classes at least, more on request, and forgets what it is told to', async () => {
    const { teach, start, show } = await setUp();
    await start();
    teach.removeClass(0);
    expect(teach.state.classes.map(({ id }) => id)).toEqual([0, 1]);
    teach.addClass();
    teach.press(2);
    await show(1);
    teach.release();
    expect(teach.state.classes.map(({ id, examples }) => [id, examples.length])).toEqual([
      [0, 0],
      [1, 0],
      [2, 1],
    ]);
    teach.forgetExamples(2);
    expect(teach.state.classes[2]!.examples).toHaveLength(0);
    teach.removeClass(1);
    teach.addClass();
    expect(teach.state.classes.map(({ id }) => id)).toEqual([0, 2, 3]);
  });
});
