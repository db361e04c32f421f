import type { Box } from '../graph/box.ts';
import type { CompiledPlan } from '../planner/compiled-plan.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';
import type { WeightTensor } from '../weights/weight-source.ts';

export interface WeightSweepOptions {
  readonly compiled: CompiledPlan;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly clock: Clock;
  /** How far ahead of the last peer another may read what both need. */
  readonly spanBytes: number;
}

/** A peer from which nothing was heard for so long is not waited for. */
const PATIENCE_MS = 10_000;

interface Reader {
  /** Where in the model's weights its oldest unanswered request begins, or else its last one. */
  position: number;
  readonly unanswered: Set<{ readonly position: number }>;
  heardMs: number;
}

interface Held {
  readonly peer: PeerId;
  readonly position: number;
  readonly name: string;
  readonly go: () => void;
}

/**
 * Keeps the peers that load slices of the same tensors close together, so that what one of them makes the requester read
 * is still in its (small) cache when the others ask: the origin is read once, in order, and not once per peer. Whoever is
 * last never waits, so all come through, whatever the plan.
 */
export class WeightSweep {
  readonly #options: WeightSweepOptions;
  /** Where each tensor begins, in the order in which peers ask for them. */
  readonly #starts = new Map<string, number>();
  readonly #needers = new Map<string, Set<PeerId>>();
  readonly #readers = new Map<PeerId, Reader>();
  #held: Held[] = [];
  #patience: (() => void) | undefined;
  #closed = false;

  constructor(options: WeightSweepOptions) {
    this.#options = options;
    const { compiled, tensors, clock } = options;
    let start = 0;
    for (const node of compiled.graph.nodes) {
      for (const name of Object.values(node.weights)) {
        if (this.#starts.has(name)) continue;
        this.#starts.set(name, start);
        start += 4 * (tensors.get(name)?.shape ?? []).reduce((size, extent) => size * extent, 1);
      }
    }
    for (const peer of compiled.peers) {
      this.#readers.set(peer, { position: 0, unanswered: new Set(), heardMs: clock.now() });
      for (const { segment, lane, tile } of compiled.tilesOf(peer)) {
        for (const { name } of compiled.program(segment, lane, tile).weights) {
          const needers = this.#needers.get(name) ?? new Set();
          this.#needers.set(name, needers.add(peer));
        }
      }
    }
  }

  /** Resolves when the request may be served, to what is to be called when it has been. */
  async turn(peer: PeerId, name: string, box: Box): Promise<(() => void) | undefined> {
    const reader = this.#readers.get(peer);
    if (!reader || this.#closed) return undefined;
    const request = { position: (this.#starts.get(name) ?? 0) + this.#offsetOf(name, box) };
    reader.heardMs = this.#options.clock.now();
    reader.unanswered.add(request);
    this.#moved(reader, request.position);
    if (this.#mustWait(peer, name, request.position)) {
      await new Promise<void>((go) => {
        this.#held.push({ peer, name, position: request.position, go });
        this.#watch();
      });
    }
    return () => {
      reader.unanswered.delete(request);
      this.#moved(reader, reader.position);
      this.#look();
    };
  }

  finished(peer: PeerId): void {
    this.#readers.delete(peer);
    this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#patience?.();
    this.#readers.clear();
    this.#look();
  }

  /** Of the box's first element, in bytes from the start of the tensor as its file stores it. */
  #offsetOf(name: string, box: Box): number {
    const tensor = this.#options.tensors.get(name);
    if (!tensor) return 0;
    const order = tensor.storageOrder ?? [...tensor.shape.keys()];
    return 4 * order.reduce((offset, axis) => offset * tensor.shape[axis]! + box[axis]![0], 0);
  }

  #moved(reader: Reader, position: number): void {
    const open = [...reader.unanswered].map((request) => request.position);
    reader.position = open.length > 0 ? Math.min(...open) : Math.max(reader.position, position);
    this.#look();
  }

  #mustWait(peer: PeerId, name: string, position: number): boolean {
    const { clock, spanBytes } = this.#options;
    for (const other of this.#needers.get(name) ?? []) {
      const reader = other === peer ? undefined : this.#readers.get(other);
      if (!reader || reader.position >= position - spanBytes) continue;
      if (clock.now() - reader.heardMs < PATIENCE_MS) return true;
    }
    return false;
  }

  #look(): void {
    const ready = this.#held.filter((held) => !this.#mustWait(held.peer, held.name, held.position));
    if (ready.length === 0) return;
    this.#held = this.#held.filter((held) => !ready.includes(held));
    for (const { go } of ready) go();
  }

  /** While anyone waits: peers go silent without a word. */
  #watch(): void {
    this.#patience ??= this.#options.clock.after(PATIENCE_MS, () => {
      this.#patience = undefined;
      this.#look();
      if (this.#held.length > 0) this.#watch();
    });
  }
}
