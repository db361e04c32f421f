import { existsSync } from 'node:fs';
import { COMPUTE_THREAD } from '../../headless/connection-processor.ts';
import type { PeerProcess } from '../../headless/peer-processes.ts';
import { threadsNamed, type CpuGroups, type CpuLimit } from '../cgroup.ts';
import type { MemoryGroup } from '../cgroup/memory.ts';
import { allowedProcessors, keepTo } from '../processors.ts';
import type { FarmDevice } from './description.ts';

export interface LimitedProcessOptions {
  readonly device: FarmDevice;
  readonly pid: number;
  readonly groups: CpuGroups;
  /** That the process has been started in; absent where this machine cannot limit memory. */
  readonly memory: MemoryGroup | undefined;
  /** Name of its thread that is left alone: it keeps to its share by itself, or does what nobody measures. */
  readonly apart: string;
  /** Of processes that compute: they hold themselves to a share of the processor. */
  readonly setShare?: PeerProcess['setShare'];
}

/** A process that is a device's from `limit` on, and as quick as this machine before it and after `free`. */
export class LimitedProcess {
  readonly pid: number;
  readonly device: FarmDevice;
  readonly #options: LimitedProcessOptions;
  #others: CpuLimit | undefined;

  constructor(options: LimitedProcessOptions) {
    this.#options = options;
    this.pid = options.pid;
    this.device = options.device;
  }

  get isRunning(): boolean {
    return existsSync(`/proc/${this.pid}/task/${this.pid}`);
  }

  /**
   * A thread that computes rests by itself between tiles; all others share a quota, since on a device they run on cores of their own.
   * @throws USAGE when it has more memory already
   */
  async limit(): Promise<void> {
    const { device, groups, memory, apart, setShare } = this.#options;
    memory?.set(device.memoryBytes);
    // While it is still quick.
    await setShare?.(device.share, true);
    const cores = device.share * (device.otherCores ?? 1);
    if (this.#others) this.#others.set(cores);
    else {
      this.#others = groups.limitOthers({
        name: device.name,
        pid: this.pid,
        threadName: apart,
        cores,
      });
    }
    this.#keepEngineTo(allowedProcessors());
  }

  async free(): Promise<void> {
    this.#others?.set(undefined);
    this.#options.memory?.set(undefined);
    await this.#options.setShare?.(1, true);
    this.#keepEngineTo(allowedProcessors().slice(0, 1));
  }

  /**
   * Engines that are free take turns on one processor, and learn what each tile takes of it undisturbed: where two processors are two threads
   * of one core, two engines at one time slow each other down, as those of two devices do not. Limited ones have rests to make good for it.
   */
  #keepEngineTo(processors: readonly number[]): void {
    keepTo(processors, this.pid, threadsNamed(this.pid, COMPUTE_THREAD));
  }
}
