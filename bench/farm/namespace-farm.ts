import { COMPUTE_THREAD } from '../../headless/connection-processor.ts';
import type { PeerProcess } from '../../headless/peer-processes.ts';
import { PLAN_THREAD } from '../../headless/plan-thread.ts';
import { formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import type { CpuGroups } from '../cgroup.ts';
import type { MemoryGroup } from '../cgroup/memory.ts';
import type { FarmDescription, FarmDevice } from './description.ts';
import type { DeviceFigures, Farm } from './devices.ts';
import { delayEnvironment } from './farm-delay.ts';
import { LimitedProcess, type LimitedProcessOptions } from './limited-process.ts';
import type { FarmNetwork } from './network.ts';
import { resetPeak, usageOf } from './process-usage.ts';

/** What `openFarm` has started. */
export interface FarmParts extends Pick<Farm, 'description' | 'network' | 'room' | 'peers'> {
  readonly memory: ReadonlyMap<string, MemoryGroup>;
  readonly groups: CpuGroups;
  readonly command: (device: FarmDevice) => readonly string[];
}

/** A farm of processes in network namespaces. */
export class NamespaceFarm implements Farm {
  readonly description: FarmDescription;
  readonly network: FarmNetwork;
  readonly room: RoomLink;
  readonly peers: readonly PeerProcess[];
  readonly #parts: FarmParts;
  readonly #limited: readonly LimitedProcess[];
  #requester: LimitedProcess | undefined;
  #isLimited = false;

  constructor(parts: FarmParts) {
    this.#parts = parts;
    ({ description: this.description, network: this.network, room: this.room, peers: this.peers } = parts);
    this.#limited = parts.peers.map(({ pid, setShare }, index) =>
      this.#process(this.description.devices[index]!, pid, { apart: COMPUTE_THREAD, setShare }),
    );
  }

  get limitsMemory(): boolean {
    return this.#parts.memory.size > 0;
  }

  get requesterCommand(): readonly string[] {
    return this.#parts.command(this.description.requester);
  }

  get requesterEnvironment(): Readonly<Record<string, string>> {
    const { devices, requester } = this.description;
    return { PEERCEPTRON_URL: formatRoomLink(this.room), ...delayEnvironment(requester, devices.length) };
  }

  async adoptRequester(pid: number): Promise<void> {
    // Of ninety plans no search takes minutes, and none is part of what is measured.
    this.#requester = this.#process(this.description.requester, pid, { apart: PLAN_THREAD });
    if (this.#isLimited) await this.#requester.limit();
  }

  async limit(): Promise<void> {
    this.#isLimited = true;
    await Promise.all(this.#running.map((process) => process.limit()));
  }

  async free(): Promise<void> {
    this.#isLimited = false;
    await Promise.all(this.#running.map((process) => process.free()));
  }

  figures(): readonly DeviceFigures[] {
    const traffic = this.network.traffic();
    return this.#running.map(({ pid, device: { name } }) => ({
      name,
      ...usageOf(pid),
      ...traffic.get(name)!,
    }));
  }

  resetPeaks(): void {
    for (const { pid } of this.#running) resetPeak(pid);
  }

  /** A requester's program may have ended; a peer that has is an error of whoever asks. */
  get #running(): readonly LimitedProcess[] {
    return this.#requester?.isRunning ? [...this.#limited, this.#requester] : this.#limited;
  }

  #process(
    device: FarmDevice,
    pid: number,
    rest: Pick<LimitedProcessOptions, 'apart' | 'setShare'>,
  ): LimitedProcess {
    const { groups, memory } = this.#parts;
    return new LimitedProcess({
      device,
      pid,
      groups,
      memory: memory.get(device.name),
      ...rest,
    });
  }
}
