import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadModel, type LoadedModel, type OpenBytes } from '../src/import/load-model.ts';
import { NETWORK_NAMES } from '../src/models/presets.ts';
import { PREPROCESSING, type Preprocessing } from '../src/models/image-encoding.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { BlockCache } from '../src/weights/block-cache.ts';
import { cachedHttpBytes, type ReadTally } from '../src/weights/cached-http.ts';
import type { OpenH5 } from '../src/weights/h5.ts';
import { collectYoungGarbage } from './platform.ts';
import { fileBytes } from '../src/weights/file-source.ts';
import { httpBytes } from '../src/weights/http-source.ts';

/** The folder of a model that comes with the program. Programs run from `dist/node`, tests from the sources. */
export function bundledModelDir(name: string): string {
  const places = ['../../public/models/', '../public/models/'].map((place) =>
    fileURLToPath(new URL(place + name, import.meta.url)),
  );
  return places.find((place) => existsSync(place)) ?? places[0]!;
}

const isHttp = (location: string): boolean => /^https?:\/\//i.test(location);

/** Opens model files for Node programs: local paths, `file:`, `http:` and `https:` URLs. */
export const openModelFile: OpenBytes = (location) => {
  if (isHttp(location)) return httpBytes(location, { collect: collectYoungGarbage });
  return fileBytes(/^file:\/\//i.test(location) ? fileURLToPath(location) : location);
};

/** The same, downloads through a cache; `tally` counts what comes from where. */
export function openThroughCache(cache: BlockCache, tally?: ReadTally): OpenBytes {
  return (location) =>
    isHttp(location)
      ? cachedHttpBytes(location, { cache, clock: systemClock, ...(tally ? { tally } : {}) })
      : openModelFile(location);
}

/** The same for .h5 files: local ones, which are read in place. */
export const openModelH5: OpenH5 = async (location) => {
  if (isHttp(location)) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      `${location}: .h5 files are read in place, from disk; download it first`,
    );
  }
  const { openH5File } = await import('../src/weights/h5-file.ts');
  return openH5File(/^file:\/\//i.test(location) ? fileURLToPath(location) : location);
};

export interface ModelChoice {
  readonly preprocess?: string | undefined;
  /** File of class names: a JSON array, or one name per line. */
  readonly labels?: string | undefined;
  /** Weights file for a preset: a path or URL. */
  readonly weights?: string | undefined;
  /** Of random weights. */
  readonly seed?: number | undefined;
  readonly inputShape?: readonly number[] | undefined;
  /** Folders or URLs of the same model elsewhere. */
  readonly mirrors?: readonly string[] | undefined;
  /** Told once for each copy of the weights that is given up. */
  readonly onSetAside?: ((source: string, reason: PeerceptronError) => void) | undefined;
  /** How files are opened; as `openModelFile` does when absent. */
  readonly open?: OpenBytes | undefined;
}

export const MODEL_HELP = `a preset (digits, ${NETWORK_NAMES.join(', ')}), a path (model.json, graph.json, .h5, folder) or a URL`;
export const WEIGHTS_HELP =
  'weights of a preset: safetensors, Keras .h5, or a tfjs manifest (default: random); "random" for any model';

export const MIRROR_HELP =
  'folder or URL of the same imported model elsewhere, for weights that are damaged or out of reach; may be repeated';

/** For commander: collects the values of an option that may be repeated. */
export const repeated = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

export const setAsideNotice = (source: string, reason: PeerceptronError): string =>
  `${source} is set aside (${reason.code}: ${reason.message}); going on with the next copy`;

export const randomWeightsNotice = (seed: number): string =>
  `random weights (seed ${seed}): the answers mean nothing`;

/** For people: where a model's weights come from. */
export const describeWeights = ({ seeded, location, weightsLocation }: LoadedModel): string =>
  seeded ? `random (seed ${seeded.seed})` : (weightsLocation ?? location);

/** A model by preset name, path or URL, as the command line takes it. */
export async function loadModelByName(name: string, choice: ModelChoice = {}): Promise<LoadedModel> {
  const model = await loadModel(name, {
    open: choice.open ?? openModelFile,
    openH5: openModelH5,
    presets: { digits: bundledModelDir('digits') },
    ...(choice.preprocess === undefined ? {} : { preprocessing: parsePreprocessing(choice.preprocess) }),
    ...(choice.weights === undefined ? {} : { weights: choice.weights }),
    ...(choice.seed === undefined ? {} : { seed: choice.seed }),
    ...(choice.inputShape === undefined ? {} : { inputShape: choice.inputShape }),
    ...(choice.mirrors === undefined ? {} : { mirrors: choice.mirrors }),
    ...(choice.onSetAside === undefined ? {} : { onSetAside: choice.onSetAside }),
  });
  if (choice.labels === undefined) return model;
  return { ...model, graph: { ...model.graph, labels: await readLabels(choice.labels) } };
}

function parsePreprocessing(text: string): Preprocessing {
  const known = PREPROCESSING.find((name) => name === text);
  if (known) return known;
  throw new PeerceptronError('USAGE', `'${text}' is no preprocessing: choose ${PREPROCESSING.join(', ')}`);
}

async function readLabels(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new PeerceptronError('INPUT_INVALID', `--labels: '${file}' cannot be read`, { cause });
  });
  if (!text.trimStart().startsWith('[')) {
    return text.split(/\r?\n/).filter((line, index, all) => line !== '' || index < all.length - 1);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (Array.isArray(parsed) && parsed.every((label) => typeof label === 'string')) return parsed;
  throw new PeerceptronError('INPUT_INVALID', `--labels: '${file}' is not a JSON array of names`);
}
