import type { Engine } from '../../src/engine/engine.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { parseDeviceProfile } from '../../src/planner/profile-schema.ts';
import { OP_CLASSES } from '../../src/planner/profile.ts';
import { measureDevice } from '../../src/runtime/measure-device.ts';
import type { Harness } from './engine-suite.ts';

/** What a profile is like on whatever engine: nothing is said of how fast it is. */
export function deviceProfileSuite(harness: Harness, title: string, start: () => Promise<Engine>): void {
  harness.describe(`the profile of ${title}`, () => {
    harness.it(
      'is what others accept, has its engine as it found it, and rates that make sense',
      async () => {
        const engine = await start();
        try {
          const before = await engine.memory();
          const profile = await measureDevice({ engine, clock: systemClock, cores: 4 });
          parseDeviceProfile(JSON.parse(JSON.stringify(profile)));
          const after = await engine.memory();
          if (after.tensors !== before.tensors)
            throw new Error(`${after.tensors - before.tensors} tensors are left`);
          if (profile.engine !== engine.name || profile.cores !== 4)
            throw new Error(`it is of ${profile.engine}`);
          // More work takes more time, whatever the class.
          for (const name of OP_CLASSES) {
            const { stepMs, msPerMac, msPerByte } = profile.rates[name];
            if (!(stepMs + msPerMac * 1e6 + msPerByte * 1e6 > 0)) throw new Error(`${name} takes no time`);
          }
          if (!(profile.tileMs > 0 && profile.transport.pieceMs > 0))
            throw new Error('tiles or pieces take no time');
        } finally {
          await engine.dispose();
        }
      },
    );
  });
}
