import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { WORTH_COLLECTING_BYTES, type CollectGarbage } from '../shared/garbage.ts';
import type { Engine, LoadedTile } from './engine.ts';
import { Sequence } from './sequential.ts';
import { SharedTime, UsualTime, type ThreadTime } from './shared-time.ts';
import {
  toWireError,
  transferable,
  type EngineOptions,
  type WorkerAnswers,
  type WorkerPort,
  type WorkerReply,
  type WorkerRequest,
} from './worker-protocol.ts';

export interface ServeEngineOptions {
  /** Of the worker's thread. */
  readonly time: ThreadTime;
  /** Called before tiles are called loaded: the buffers that their weights came in are garbage by then. And when tiles have gone, with theirs. */
  readonly collectGarbage?: CollectGarbage;
}

/** Tiles of a plan go one after the other. */
const ALL_GONE_MS = 100;

/**
 * Serves one engine on `port`, one call at a time in the order of arrival; only loading goes before runs that wait, so that it is not held
 * up by the rests of an engine that keeps to a part of the processor. Runs inside the worker.
 */
export function serveEngine(
  port: WorkerPort,
  createEngine: (options: EngineOptions) => Promise<Engine>,
  { time, collectGarbage = () => undefined }: ServeEngineOptions,
): void {
  const sequence = new Sequence();
  /** Of all but loading, rests included. */
  const turns = new Sequence();
  let released: Promise<void> = Promise.resolve();
  const sharedTime = new SharedTime(time);
  const tiles = new Map<number, LoadedTile & { readonly usual: UsualTime; readonly sizeBytes: number }>();
  let nextTile = 1;
  let engine: Engine | undefined;
  /** Of weights that came and that went, since garbage was collected for them. */
  let loadedBytes = 0;
  let releasedBytes = 0;
  let collection: ReturnType<typeof setTimeout> | undefined;
  const collectReleased = (): void => {
    releasedBytes = 0;
    collectGarbage();
  };

  const started = (): Engine => {
    if (!engine) throw new PeerceptronError('ENGINE_FAILED', 'the engine of this worker was not started');
    return engine;
  };

  const answer = async (
    request: WorkerRequest,
  ): Promise<{ value: WorkerAnswers[keyof WorkerAnswers]; transfer?: ArrayBuffer[] }> => {
    switch (request.type) {
      case 'start': {
        engine = await createEngine(request.options);
        const { name, accuracy, weightStorage } = engine;
        return { value: { name, accuracy, ...(weightStorage ? { weightStorage } : {}) } };
      }
      case 'load': {
        const sizeBytes = request.weights.reduce((sum, { byteLength }) => sum + byteLength, 0);
        const tile = await sequence.add(() => started().load(request.program, request.weights));
        loadedBytes += sizeBytes;
        tiles.set(nextTile, Object.assign(tile, { usual: new UsualTime(), sizeBytes }));
        return { value: { tile: nextTile++ } };
      }
      case 'run': {
        const tile = tiles.get(request.tile);
        if (!tile) throw new PeerceptronError('ENGINE_FAILED', 'this tile was disposed; load it again');
        if (request.recycled) tile.recycle?.(request.recycled.map((buffer) => new Float32Array(buffer)));
        const { value, tookMs } = await sharedTime.run(
          () => sequence.add(() => tile.run(request.inputs)),
          tile.usual,
        );
        const { outputs } = value;
        const computeMs = sharedTime.share < 1 ? tookMs : value.computeMs;
        const { arrays, transfer } = transferable(outputs);
        // An output may be an input that was handed through.
        const spentInputs = request.inputs.filter(({ buffer }) => !transfer.includes(buffer as ArrayBuffer));
        for (const { buffer } of spentInputs) transfer.push(buffer as ArrayBuffer);
        return { value: { outputs: arrays, computeMs, spentInputs }, transfer };
      }
      case 'weight': {
        const value = await sequence.add(() => tiles.get(request.tile)?.weight?.(request.index));
        return { value, transfer: value ? [value.buffer as ArrayBuffer] : [] };
      }
      case 'release': {
        const tile = tiles.get(request.tile);
        tiles.delete(request.tile);
        await sequence.add(() => tile?.dispose());
        releasedBytes += tile?.sizeBytes ?? 0;
        if (releasedBytes >= WORTH_COLLECTING_BYTES) {
          clearTimeout(collection);
          collection = setTimeout(collectReleased, ALL_GONE_MS);
        }
        return { value: undefined };
      }
      case 'memory':
        return { value: await sequence.add(() => started().memory()) };
      case 'share':
        sharedTime.share = request.share;
        sharedTime.steady = request.steady;
        return { value: undefined };
      case 'dispose':
        tiles.clear();
        await sequence.add(() => engine?.dispose());
        return { value: undefined };
    }
  };

  /** Apart from where the request is known: it would hold its weights. */
  const postLater = (reply: WorkerReply, transfer: ArrayBuffer[]) => (): void => port.post(reply, transfer);
  const collectThen = (post: () => void): void => {
    collectGarbage();
    post();
  };

  port.listen((message) => {
    const request = message as WorkerRequest;
    const handle = async (): Promise<void> => {
      try {
        const { value, transfer = [] } = await answer(request);
        const post = postLater({ id: request.id, ok: true, value }, transfer);
        if (request.type !== 'load' || loadedBytes < WORTH_COLLECTING_BYTES) return post();
        loadedBytes = 0;
        // Until then the request itself holds what came with it.
        setTimeout(collectThen, 0, post);
      } catch (error) {
        const wire = toWireError(toPeerceptronError(error, 'ENGINE_FAILED'));
        port.post({ id: request.id, ok: false, error: wire }, []);
      }
    };
    // A tile does not take the memory of one that is about to go.
    if (request.type === 'load') void released.then(handle);
    else {
      const done = turns.add(handle);
      if (request.type === 'release') released = done;
    }
  });
}
