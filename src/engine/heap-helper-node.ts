import { Worker } from 'node:worker_threads';
import type { HeapHelper, HelperStart, OpenHelper } from './heap-team.ts';

/** What a thread is given that is to be a helper and no engine of its own. */
interface HelperData {
  readonly helper: HelperStart;
}

export const helperStartOf = (data: unknown): HelperStart | undefined =>
  (data as Partial<HelperData> | null | undefined)?.helper;

/** @param entry path of the built compute worker, which runs helpers as well. */
export const nodeHelpers =
  (entry: string): OpenHelper =>
  (start) =>
    new Promise<HeapHelper>((resolve, reject) => {
      const workerData: HelperData = { helper: start };
      const worker = new Worker(entry, { execArgv: [], name: 'compute', workerData });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`it exited with code ${code}`)));
      worker.once('message', () => {
        // It ends with the thread that it helps.
        worker.unref();
        resolve({ close: async () => void (await worker.terminate()) });
      });
    });
