/** The parts of `infer --json` that tests look at. */
export interface InferReport {
  readonly model: string;
  readonly top: readonly { readonly index: number; readonly label?: string; readonly score: number }[];
  readonly latencyMs: number;
  readonly verify: {
    readonly maxAbsDiff: number;
    readonly sameTop1: boolean;
    readonly withinTolerance: boolean;
  };
  readonly plan: {
    readonly segments: readonly {
      readonly ops: readonly [number, number];
      readonly lanes: readonly { readonly tiles: readonly { readonly peer: string }[] }[];
    }[];
  };
  readonly peers: readonly {
    readonly id: string;
    readonly name: string;
    readonly engine: string;
    readonly weightBytes: number;
    readonly tiles: readonly { readonly frames: number; readonly computeMs?: number }[];
  }[];
  readonly results: readonly {
    readonly input: string;
    readonly latencyMs: number;
    readonly tiles: readonly unknown[];
  }[];
}
