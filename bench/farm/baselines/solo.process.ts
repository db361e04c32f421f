import { createInterface } from 'node:readline';
import { threadTime } from '../../../src/engine/thread-time-node.ts';
import { residentBytes, resetPeak } from '../../resident-memory.ts';
import { openSoloModel, soloNetwork } from './solo-model.ts';
import type { Resident } from './solo-protocol.ts';
import { SoloService } from './solo-service.ts';

/*
 * A device that runs a network all by itself, with one runtime, in a part of a core: commands come in on standard input and
 * answers go out on standard output, a line of JSON each (`solo-protocol.ts`).
 */

// Libraries greet on the console, and stdout is for answers alone.
console.log = console.info = console.error;

const isLinux = process.platform === 'linux';

const resident = (): Resident | undefined =>
  isLinux ? { now: residentBytes('VmRSS'), most: residentBytes('VmHWM') } : undefined;

const service = new SoloService({
  time: threadTime(),
  async open({ runtime, network, options }) {
    const seeded = soloNetwork({ network, ...(options ? { options } : {}) });
    return { graph: seeded.graph, model: await openSoloModel(runtime, seeded) };
  },
  resident,
  settle() {
    globalThis.gc?.();
    if (isLinux) resetPeak();
  },
});

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
  void service.obey(line).then((reply) => process.stdout.write(`${JSON.stringify(reply)}\n`));
});
// Nobody is there to be answered: not even what is being computed is finished.
commands.once('close', () => process.exit(0));
