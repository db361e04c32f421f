import { availableParallelism } from 'node:os';
import { COMPUTE_THREAD } from '../../headless/connection-processor.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';
import { openCpuGroups, threadsNamed } from '../cgroup.ts';
import { withCleanUp } from '../clean-up.ts';
import { soloNetwork } from '../farm/baselines/solo-model.ts';
import { keepThreadTo } from '../processors.ts';
import { inTurns, openWhole, ratio, SAME, withAll, type Timed } from './in-turns.ts';

const THREADS = 2;
const GOAL = { atLeast: 1.7 };
/** Of one processor, for each thread: both together leave something of it. */
const PART = 0.4;

/**
 * VGG16 on wasm, by one thread and by two. Two processors may be two threads of one core, which have its arithmetic in common; so
 * once more with every thread held to a part of one and the same processor: two slow cores that have nothing in common.
 */
export async function threadRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const network = soloNetwork({ network: 'vgg16' });
  const rounds = quick ? 2 : 7;
  const opening = [1, THREADS].map((threads) => () => openWhole(network, 'wasm', threads));
  return withAll(opening, async (models) => {
    say(`vgg16: wasm on ${THREADS} threads and on one`);
    const rows: Row[] = [];
    if (availableParallelism() >= THREADS) {
      const free = await inTurns(network, models, rounds);
      rows.push(...rowsOf(free, 'of this machine’s processors'));
    }
    await withCleanUp(async (undo) => {
      if (!holdEach(undo, say)) return;
      const held = await inTurns(network, models, rounds);
      rows.push(...rowsOf(held, `that have ${100 * PART} % of one processor each`, GOAL));
    });
    return rows;
  });
}

function rowsOf({ timesMs, difference }: Timed, what: string, goal: Row['goal'] = null): Row[] {
  const [one, two] = timesMs as [readonly number[], readonly number[]];
  return [
    { name: `vgg16, wasm: one thread over ${THREADS}, ${what}`, value: ratio(one, two), unit: '×', goal },
    { name: 'the same: largest relative difference', value: difference, unit: '', goal: SAME },
  ];
}

/** All threads that compute, each with a quota of its own and on the same processor. */
function holdEach(undo: (() => unknown)[], say: BenchmarkContext['say']): boolean {
  try {
    const groups = openCpuGroups();
    undo.push(() => groups.release());
    for (const thread of threadsNamed(process.pid, COMPUTE_THREAD)) keepThreadTo([0], thread);
    groups.limitEach({ name: 'engines', pid: process.pid, threadName: COMPUTE_THREAD, cores: PART });
    return true;
  } catch (thrown) {
    say(`left out: threads with a part of a processor each (${toPeerceptronError(thrown).message})`);
    return false;
  }
}
