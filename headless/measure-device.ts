import { installCodecKernels } from '../src/runtime/codec-kernels.ts';
import { measureNodeDevice } from './device-profile.ts';
import { parseEngineName, startEngine } from './node-engine.ts';

/** Measures this device with the engine that is named, and prints its profile: a process of its own, see `measure-apart.ts`. */
await installCodecKernels();
const [, , name = '', threads] = process.argv;
const { engine } = await startEngine(parseEngineName(name), { threads: Number(threads) });
const profile = await measureNodeDevice(engine);
await engine.dispose();
process.stdout.write(JSON.stringify(profile));
