import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { keyOf, type Cell, type CellKey, type FarmRun } from './cells.ts';
import { parseFarmRun } from './parse-run.ts';

/** A run that goes on where it was broken off: what was measured at the same commit, on the same machine, is kept. */
export class RunStore {
  readonly #file: string;
  #run: FarmRun;

  /** Goes on with what `file` holds where that is a run like `fresh`, and begins anew otherwise. */
  constructor(file: string, fresh: FarmRun) {
    this.#file = file;
    const known = read(file);
    const goesOn =
      known !== undefined &&
      known.finishedAt === undefined &&
      known.commit === fresh.commit &&
      !known.commit?.endsWith('-modified') &&
      known.command === fresh.command &&
      JSON.stringify(known.machine) === JSON.stringify(fresh.machine);
    this.#run = goesOn ? { ...known, calibration: fresh.calibration } : fresh;
  }

  get run(): FarmRun {
    return this.#run;
  }

  has(key: CellKey): boolean {
    return this.#run.cells.some((cell) => keyOf(cell) === keyOf(key));
  }

  add(cell: Cell): void {
    this.#run = { ...this.#run, cells: [...this.#run.cells, cell] };
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

function read(file: string): FarmRun | undefined {
  try {
    return parseFarmRun(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // There is none, or one of an older form.
    return undefined;
  }
}
