import type { MeshEvent } from '../../src/mesh/mesh.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import type { ServeEvent } from '../../src/runtime/serve-peer.ts';
import type { PeerceptronError } from '../../src/shared/errors.ts';

/** What happens to a headless peer; one line of `join --json`. */
export type PeerEvent =
  | {
      readonly type: 'engine';
      readonly engine: string;
      readonly refused: readonly string[];
      /** What each of those took that were compared, milliseconds for the same tile. */
      readonly timesMs?: Readonly<Record<string, number>>;
    }
  /** The room cannot be entered yet; it is tried again after `retryInMs`. */
  | { readonly type: 'waiting'; readonly error: PeerceptronError; readonly retryInMs: number }
  | {
      readonly type: 'joined';
      readonly id: string;
      readonly room: string;
      readonly memoryBytes: number;
      readonly share: number;
    }
  | { readonly type: 'mesh'; readonly event: MeshEvent }
  | { readonly type: 'serve'; readonly event: ServeEvent }
  /** How fast this device is, for planners; `measured`: just now. */
  | { readonly type: 'profile'; readonly profile: DeviceProfile; readonly measured: boolean }
  /** The part of the processor that the mesh gets from now on. */
  | { readonly type: 'share'; readonly share: number }
  /** `/healthz` and `/metrics` are at this address. */
  | { readonly type: 'monitor'; readonly url: string }
  /** The engine died; another one is started after `retryInMs`, and joins anew. */
  | { readonly type: 'engine-lost'; readonly error: PeerceptronError; readonly retryInMs: number }
  /** Something that people should know, in a sentence. */
  | { readonly type: 'notice'; readonly text: string }
  /** Told to stop: sessions that can do without this device are waited for. */
  | { readonly type: 'leaving' }
  | { readonly type: 'left' };

/**
 * A line that the program that started a peer (`--parent`) may write to its standard input: another `--share`; `steady` where it
 * plays a device (`Engine.setShare`).
 */
export interface ParentMessage {
  readonly share: number;
  readonly steady?: boolean;
}
