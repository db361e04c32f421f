import { epochs } from './epochs.mjs';
import { kernels } from './kernels.mjs';
import { receptiveFields } from './receptive-fields.mjs';
import { runtime } from './runtime.mjs';
import { traces } from './traces.mjs';

/**
 * Seeded defects. Each is one slip that an author of split computation could make; `npm run test:mutants` switches
 * them on one by one and wants some test to fail. Many leave the unsplit network right and only tiles wrong: they
 * show that comparing a split with its whole finds them.
 *
 * `find` occurs exactly once in `file` (a unit test holds that); `tests` names the files of tests that are run.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const mutants = [...receptiveFields, ...kernels, ...runtime, ...epochs, ...traces];
