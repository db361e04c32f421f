import { describe, expect, it } from 'vitest';
import type { LiveCounts } from '../../../../src/runtime/frame-stream.ts';
import { CAMERA_REASONS, cameraObstacle, cameraReason } from '../../../../src/ui/demo/camera-problem.ts';
import { formatCount } from '../../../../src/ui/format.ts';
import { initialDemoState, reduceDemo, type DemoEvent } from '../../../../src/ui/demo/demo-state.ts';
import { liveStrings } from '../../../../src/ui/strings.ts';
import {
  initialLiveState,
  reduceLive,
  type LiveEvent,
  type LiveProblem,
} from '../../../../src/ui/demo/live-state.ts';
import { probabilities } from '../../../../src/ui/demo/answer.ts';
import { servedModels } from '../../../../src/ui/demo/served-models.ts';
import { FakeSource, PLAN } from '../../../support/live-fakes.ts';

const counts = (computed: number, dropped = 0): LiveCounts => ({
  offered: computed + dropped,
  started: computed,
  computed,
  dropped,
  failed: 0,
});
const result = (atMs: number, ageMs = 40, of = counts(1)): LiveEvent => ({
  type: 'result',
  atMs,
  ageMs,
  counts: of,
});
const fold = (...events: readonly LiveEvent[]) =>
  events.reduce(reduceLive, initialLiveState({ kind: 'bundled' }));
const problem = (where: LiveProblem['where']): LiveEvent => ({
  type: 'failed',
  problem: { where, problem: { code: 'FRAME_TIMEOUT', message: 'too slow' } },
});
const wish = { kind: 'camera' } as const;
const source = new FakeSource({ width: 4, height: 3 });

describe('the state of what is shown', () => {
  it('has rates of the last three seconds', () => {
    expect(fold().rates).toBeUndefined();
    expect(fold(result(0)).rates).toEqual({ latencyMs: 40 });
    expect(fold(result(0), result(500)).rates).toEqual({ framesPerSecond: 2, latencyMs: 40 });
    const slowThenFast = [0, 1000, 2000, 5000, 5100, 5200, 5300].map((atMs) =>
      result(atMs, atMs < 5000 ? 900 : 30),
    );
    expect(fold(...slowThenFast).rates).toEqual({ framesPerSecond: 10, latencyMs: 30 });
  });

  it('has one moment per second for the charts, and no more than two minutes of them', () => {
    const events = Array.from({ length: 2000 }, (_, frame) =>
      result(frame * 100, 40, counts(frame, frame * 2)),
    );
    const { history, recent } = fold(...events);
    expect(history).toHaveLength(120);
    expect(history[1]!.atMs - history[0]!.atMs).toBe(1000);
    expect(history.at(-1)!.dropped).toBeGreaterThan(3900);
    expect(recent.length).toBeLessThan(40);
  });

  it('measures anew what is shown anew', () => {
    const { rates, history, counts: none } = fold(result(0), result(500), { type: 'source-opening', wish });
    expect([rates, history, none.computed]).toEqual([undefined, [], 0]);
  });

  it('forgets the problem of a frame with the next one, that of a list of names with the next list', () => {
    expect(fold(problem('frames')).problem?.where).toBe('frames');
    expect(fold(problem('frames'), result(1)).problem).toBeUndefined();
    expect(fold(problem('labels'), result(1)).problem?.where).toBe('labels');
    expect(fold(problem('labels'), { type: 'labels', labels: ['a'] }).problem).toBeUndefined();
  });

  it('shows nothing of a source that failed', () => {
    const state = fold(
      { type: 'source-opening', wish },
      { type: 'source-open', wish, source },
      problem('source'),
    );
    expect(state.source).toEqual({ state: 'none' });
    const kept = fold(
      { type: 'source-opening', wish },
      { type: 'source-open', wish, source },
      problem('network'),
    );
    expect(kept.source.state).toBe('open');
  });

  it('does not show what loads beside a plan that runs', () => {
    const loading: LiveEvent = { type: 'doing', doing: { step: 'loading', loadedBytes: 1, totalBytes: 2 } };
    expect(fold(loading).doing).toEqual(loading.doing);
    expect(fold({ type: 'planned', plan: PLAN }, loading).doing).toBeUndefined();
  });

  it('says which device has gone, until it computes again or something else is shown', () => {
    const gone: LiveEvent = { type: 'gone', gone: { name: 'Pi', how: 'lost' } };
    const without: LiveEvent = { type: 'planned', plan: PLAN };
    const again: LiveEvent = { type: 'planned', plan: { ...PLAN, devices: ['this device', 'Pi'] } };
    expect(fold(gone, without).gone?.name).toBe('Pi');
    expect(fold(gone, without, again).gone).toBeUndefined();
    expect(fold(gone, without, { type: 'running' }).gone).toBeUndefined();
    expect(fold(gone, without, { type: 'released' }).gone).toBeUndefined();
  });

  it('knows nothing of the old network when another one is chosen', () => {
    const state = fold({ type: 'planned', plan: PLAN }, problem('network'), {
      type: 'choice',
      choice: { kind: 'preset', name: 'vgg16' },
    });
    expect(state.plan).toBeUndefined();
    expect(state.problem).toBeUndefined();
    expect(state.choice).toEqual({ kind: 'preset', name: 'vgg16' });
  });
});

describe('the state of the demo', () => {
  const answer = (index: number, atMs: number): DemoEvent => ({
    type: 'answered',
    atMs,
    answer: { top: [{ index, score: 0.9 }], area: { left: 0, top: 0, width: 1, height: 1 } },
  });
  const foldDemo = (...events: readonly DemoEvent[]) =>
    events.reduce(reduceDemo, initialDemoState({ kind: 'bundled' }));

  it('tells readers of the screen what is new, and not more often than every three seconds', () => {
    const said = (...events: readonly DemoEvent[]) => foldDemo(...events).said?.prediction.index;
    expect(said(answer(3, 0))).toBe(3);
    expect(said(answer(3, 0), answer(5, 2900))).toBe(3);
    expect(said(answer(3, 0), answer(5, 2900), answer(5, 3000))).toBe(5);
    const first = foldDemo(answer(3, 0), answer(3, 9000)).said;
    expect(first?.atMs).toBe(0);
  });

  it('has no answer to nothing', () => {
    const nothing = (atMs: number): DemoEvent => ({ type: 'nothing', atMs });
    expect(foldDemo(nothing(0)).isNothing).toBe(true);
    const state = foldDemo(answer(3, 0), nothing(1000), nothing(1600));
    expect(state.answer).toBeUndefined();
    expect(state.isNothing).toBe(true);
    expect(reduceDemo(state, nothing(1700))).toBe(state);
    // For a moment only: the answer stays.
    expect(foldDemo(answer(3, 0), nothing(1000), nothing(1599)).answer?.top[0]?.index).toBe(3);
    const steady = [answer(3, 0), nothing(1000), answer(3, 1100), nothing(1650)];
    expect(foldDemo(...steady).isNothing).toBe(false);
    expect(reduceDemo(state, answer(1, 5)).isNothing).toBe(false);
  });

  it('names an answer that is there by the names that come later', () => {
    const state = foldDemo(answer(1, 0), { type: 'live', event: { type: 'labels', labels: ['a', 'b'] } });
    expect(state.answer?.top).toEqual([{ index: 1, score: 0.9, label: 'b' }]);
  });
});

describe('what goes before', () => {
  it('says whether it is any use to ask for a camera', () => {
    expect(cameraObstacle({ isSecure: false, hasCameras: false })).toBe('insecure');
    expect(cameraObstacle({ isSecure: true, hasCameras: false })).toBe('unsupported');
    expect(cameraObstacle({ isSecure: true, hasCameras: true })).toBeUndefined();
  });

  it('knows what browsers call it', () => {
    expect(
      ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError', 'Error'].map(
        cameraReason,
      ),
    ).toEqual(['denied', 'missing', 'busy', 'unfit', 'failed']);
    expect(Object.keys(liveStrings.cameraProblems).sort()).toEqual([...CAMERA_REASONS].sort());
  });

  it('makes shares of scores, and leaves shares alone', () => {
    const shares = Float32Array.of(0.25, 0.75);
    expect(probabilities(shares)).toBe(shares);
    const [a, b] = probabilities(Float32Array.of(1000, 1000 + Math.log(3)));
    expect(a).toBeCloseTo(0.25);
    expect(b).toBeCloseTo(0.75);
  });

  it('says large counts as people do', () => {
    expect([0, 950, 1234, 5_840_000, 15_470_314_496].map(formatCount)).toEqual([
      '0',
      '950',
      '1.2 thousand',
      '5.8 million',
      '15 billion',
    ]);
  });

  it('lists the models of a server, and none of another kind of server', async () => {
    const answering = (text: string, status = 200) =>
      servedModels('http://room.test/', async (url) => {
        expect(url).toEqual(new URL('http://room.test/models/index.json'));
        return new Response(text, { status });
      });
    const vgg = { name: 'vgg16', path: 'vgg16/', format: 'graph', sizeBytes: 553632298 };
    expect(await answering(JSON.stringify({ models: [vgg] }))).toEqual([{ name: 'vgg16', path: 'vgg16/' }]);
    expect(await answering('<!doctype html>')).toEqual([]);
    expect(await answering('', 404)).toEqual([]);
    expect(await answering('{"models": [{"name": "x", "path": "https://elsewhere.test/"}]}')).toEqual([]);
  });
});
