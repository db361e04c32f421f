import type { Graph } from '../../src/graph/graph.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';
import type { FrameInput } from '../../src/runtime/frame-input.ts';
import type { FrameResult } from '../../src/runtime/frames-in-flight.ts';
import { shapeSize } from '../../src/graph/box.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import type { MeshJob, MeshRun, MeshRunner } from '../../src/ui/demo/mesh-runner.ts';
import type { Area, Size } from '../../src/ui/demo/picture.ts';
import type { PictureSource, Sources, SourceWish } from '../../src/ui/demo/picture-source.ts';
import type { RoomPlan } from '../../src/ui/room-plan.ts';

/** A source whose pictures a test makes: RGBA of the whole picture, one at a time. */
export class FakeSource implements PictureSource {
  readonly kind: PictureSource['kind'];
  readonly name = 'a test';
  readonly view = undefined as unknown as HTMLElement;
  readonly isMirror: boolean;
  readonly size: Size;
  isClosed = false;
  #pixels: (x: number, y: number) => number = () => 0;
  readonly #listeners = new Set<() => void>();

  constructor(size: Size, kind: PictureSource['kind'] = 'camera') {
    this.size = size;
    this.kind = kind;
    this.isMirror = kind === 'camera';
  }

  /** Brightness by place, in the picture's pixels. */
  show(pixels: (x: number, y: number) => number): void {
    this.#pixels = pixels;
    for (const listener of this.#listeners) listener();
  }

  read(area: Area, { width, height }: Size): Uint8ClampedArray {
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = this.#pixels(
          area.left + ((x + 0.5) * area.width) / width,
          area.top + ((y + 0.5) * area.height) / height,
        );
        rgba.set([value, value, value, 255], (y * width + x) * 4);
      }
    }
    return rgba;
  }

  subscribe(onPicture: () => void): () => void {
    this.#listeners.add(onPicture);
    return () => this.#listeners.delete(onPicture);
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Opens what a test has prepared. */
export class FakeSources implements Sources {
  readonly wishes: SourceWish[] = [];
  next: FakeSource | PeerceptronError = new FakeSource({ width: 64, height: 48 });
  end: (error: PeerceptronError) => void = () => undefined;

  async open(wish: SourceWish, onEnded: (error: PeerceptronError) => void): Promise<PictureSource> {
    this.wishes.push(wish);
    if (this.next instanceof PeerceptronError) throw this.next;
    this.end = onEnded;
    return this.next;
  }

  async cameras() {
    return [{ id: 'one', name: 'Front' }];
  }
}

export const PLAN: RoomPlan = {
  epoch: 0,
  devices: ['this device'],
  offeredCount: 1,
  window: 1,
  leftOut: [],
};

/** Computes by a function, at once or when a test lets it. */
export class FakeRunner implements MeshRunner {
  readonly calls: string[] = [];
  readonly jobs: MeshJob[] = [];
  failure: PeerceptronError | undefined;
  compute: (input: FrameInput) => Promise<Float32Array>;
  window = 1;

  constructor(compute?: (input: FrameInput) => Promise<Float32Array>) {
    this.compute = compute ?? (async () => outputOf(this.jobs.at(-1)!.graph));
  }

  async open(job: MeshJob): Promise<MeshRun> {
    this.calls.push('open');
    this.jobs.push(job);
    if (this.failure) throw this.failure;
    job.onEvent({ type: 'planned', plan: PLAN });
    const { calls } = this;
    const window = (): number => this.window;
    const compute = (input: FrameInput): Promise<Float32Array> => this.compute(input);
    let frame = 0;
    return {
      get window() {
        return window();
      },
      run: async ([input], { signal } = {}) => {
        calls.push('run');
        const output = await compute(input!);
        if (signal?.aborted) throw new PeerceptronError('FRAME_DROPPED', 'the frame was dropped');
        return { frame: frame++, outputs: [output], latencyMs: 1, tiles: [] } as unknown as FrameResult;
      },
      close: async () => {
        calls.push('close');
      },
    };
  }
}

/** Zeros, and a one for the first class. */
function outputOf(graph: Graph): Float32Array {
  const output = new Float32Array(shapeSize(tensorShapes(graph).get(graph.outputs[0]!)!));
  output[0] = 1;
  return output;
}
