import { Sequence } from '../../../src/engine/sequential.ts';
import { SharedTime, UsualTime, type ThreadTime } from '../../../src/engine/shared-time.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { PeerceptronError, toPeerceptronError } from '../../../src/shared/errors.ts';
import { soloInput } from './solo-input.ts';
import type { SoloModel } from './solo-model.ts';
import { parseSoloCommand, type LoadCommand, type Resident, type SoloReply } from './solo-protocol.ts';

export interface LoadedSolo {
  readonly graph: Graph;
  readonly model: SoloModel;
}

export interface SoloServiceOptions {
  /** Of the thread that computes. */
  readonly time: ThreadTime;
  readonly open: (command: LoadCommand) => Promise<LoadedSolo>;
  /** `undefined` where the system does not tell. */
  readonly resident: () => Resident | undefined;
  /** The network is there: what only loading took may go. */
  readonly settle: () => void;
}

/** The system brings the count of processor time up to date when a thread rests. */
const REST_MS = 0.05;
/** Of the input of the frame that warms up. */
const WARM_UP_SEED = 0;

/** Obeys the commands of one device that computes all by itself, one after the other. */
export class SoloService {
  readonly #options: SoloServiceOptions;
  readonly #sharedTime: SharedTime;
  readonly #turns = new Sequence();
  /** A device has the machine to itself. */
  readonly #usual = new UsualTime();
  #loaded: LoadedSolo | undefined;

  constructor(options: SoloServiceOptions) {
    this.#options = options;
    this.#sharedTime = new SharedTime(options.time);
    this.#sharedTime.steady = true;
  }

  /** Never rejects: what fails is the answer. */
  obey(line: string): Promise<SoloReply> {
    return this.#turns.add(async () => {
      try {
        return await this.#obey(line);
      } catch (thrown) {
        const { code, message } = toPeerceptronError(thrown);
        return { type: 'error', code, message };
      }
    });
  }

  async #obey(line: string): Promise<SoloReply> {
    const command = parseSoloCommand(line);
    switch (command.type) {
      case 'load':
        return this.#load(command);
      case 'share':
        this.#sharedTime.share = command.share;
        return command;
      case 'run':
        return this.#run(command.seed, command.output ?? false);
    }
  }

  async #load(command: LoadCommand): Promise<SoloReply> {
    const { time, open, resident, settle } = this.#options;
    if (this.#loaded) {
      throw new PeerceptronError(
        'USAGE',
        'a network is loaded already: start another process for another one',
      );
    }
    const startMs = time.now();
    const { graph, model } = await open(command);
    if (command.warmUp ?? true) await model.predict(soloInput(graph, WARM_UP_SEED));
    this.#loaded = { graph, model };
    const loadMs = time.now() - startMs;
    const taken = resident();
    settle();
    return { type: 'loaded', loadMs, ...(taken ? { resident: taken } : {}) };
  }

  async #run(seed: number, wantsOutput: boolean): Promise<SoloReply> {
    const { time, resident } = this.#options;
    if (!this.#loaded) throw new PeerceptronError('USAGE', 'no network is loaded: send `load` first');
    const { graph, model } = this.#loaded;
    const input = soloInput(graph, seed);
    await time.sleep(REST_MS);
    const before = time.processorMs();
    const { value, tookMs } = await this.#sharedTime.run(async () => model.predict(input), this.#usual);
    await time.sleep(REST_MS);
    const processorMs = time.processorMs() - before;
    const taken = resident();
    return {
      type: 'frame',
      latencyMs: tookMs,
      processorMs,
      ...(taken ? { resident: taken } : {}),
      ...(wantsOutput ? { output: [...value] } : {}),
    };
  }
}
