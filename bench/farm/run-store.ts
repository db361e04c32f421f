import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PeerceptronError } from '../../src/shared/errors.ts';
import type { Machine } from '../report.ts';
import { keyOf, type Cell, type CellKey, type CellOrigin, type FarmRun } from './cells.ts';
import { parseFarmRun } from './parse-run.ts';

/** A run as it grows, in a file. */
export class RunStore {
  readonly #file: string;
  /** Of the program that measures now. */
  readonly #commit: string | null;
  #run: FarmRun;

  private constructor(file: string, commit: string | null, run: FarmRun) {
    this.#file = file;
    this.#commit = commit;
    this.#run = run;
  }

  static anew(file: string, run: FarmRun): RunStore {
    return new RunStore(file, run.commit, run);
  }

  /** What `file` holds, where that is a run of this command and commit on this machine that was broken off. */
  static goingOn(file: string, { commit, machine, command }: GoingOn): RunStore | undefined {
    const known = read(file);
    const goesOn =
      known !== undefined &&
      known.finishedAt === undefined &&
      known.commit === commit &&
      !known.commit?.endsWith('-modified') &&
      known.command === command &&
      JSON.stringify(known.machine) === JSON.stringify(machine);
    return goesOn ? new RunStore(file, commit, known) : undefined;
  }

  /**
   * A whole run of this machine, without the cells that are to be measured anew; each of them says of which commit it is.
   * @throws USAGE where `from` holds none
   */
  static again(file: string, from: string, { commit, machine, pattern }: Again): RunStore {
    const known = read(from);
    if (known?.finishedAt === undefined || JSON.stringify(known.machine) !== JSON.stringify(machine)) {
      throw new PeerceptronError(
        'USAGE',
        `${from} holds no whole run of this machine: measure all of it once, without --again`,
      );
    }
    const cells = known.cells.filter((cell) => !pattern.test(keyOf(cell)));
    return new RunStore(file, commit, { ...known, cells });
  }

  get run(): FarmRun {
    return this.#run;
  }

  has(key: CellKey): boolean {
    return this.#run.cells.some((cell) => keyOf(cell) === keyOf(key));
  }

  /** Measured just now. */
  add(cell: Unplaced<Cell>): void {
    const origin = {
      at: new Date().toISOString(),
      ...(this.#commit === this.#run.commit ? {} : { commit: this.#commit }),
    };
    this.#run = { ...this.#run, cells: [...this.#run.cells, { ...cell, ...origin }] };
    this.#write(this.#file);
  }

  /** All is measured: the run as it is to be kept, also at `file` where one is named. */
  finish(finishedAt: string, file?: string): FarmRun {
    this.#run = { ...this.#run, finishedAt };
    this.#write(this.#file);
    if (file !== undefined) this.#write(file);
    return this.#run;
  }

  /** At once or not at all. */
  #write(file: string): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(this.#run, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  }
}

type Unplaced<C> = C extends Cell ? Omit<C, keyof CellOrigin> : never;

type GoingOn = Pick<FarmRun, 'commit' | 'machine' | 'command'>;

interface Again {
  readonly commit: string | null;
  readonly machine: Machine;
  readonly pattern: RegExp;
}

function read(file: string): FarmRun | undefined {
  try {
    return parseFarmRun(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // There is none, or one of an older form.
    return undefined;
  }
}
