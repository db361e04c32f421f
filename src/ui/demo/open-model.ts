import { loadModel, type LoadedModel, type OpenBytes } from '../../import/load-model.ts';
import { PeerceptronError } from '../../shared/errors.ts';
import type { OpenH5 } from '../../weights/h5.ts';
import { droppedModel, openAmong } from './dropped-files.ts';
import type { ModelChoice } from './model-choice.ts';

export interface ModelDoors {
  /** Of the page: the bundled model is beside it. */
  readonly pageUrl: string;
  /** Reads from servers. */
  readonly open: OpenBytes;
  /** Opens an .h5 that is a file of this device. */
  readonly openH5: (file: File) => ReturnType<OpenH5>;
}

/**
 * Loads what was chosen; weights stay where they are until somebody needs them.
 * @throws what `loadModel` throws
 */
export async function openModel(
  choice: ModelChoice,
  { pageUrl, open, openH5 }: ModelDoors,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const onPage = (path: string): string => new URL(path, pageUrl).href;
  switch (choice.kind) {
    case 'bundled':
      return loadModel(onPage('models/digits'), { open, signal });
    case 'served':
      return loadModel(onPage(`models/${choice.path}`), { open, signal });
    case 'url':
      return loadModel(addressOf(choice.url, pageUrl), { open, signal });
    case 'preset': {
      const { name, weights } = choice;
      if (!weights) return loadModel(name, { open, signal });
      return loadModel(name, {
        open: openAmong([weights]),
        openH5: () => openH5(weights),
        weights: weights.name,
        signal,
      });
    }
    case 'files': {
      const { main, open: openFile } = droppedModel(choice.files);
      return loadModel(main.name, { open: openFile, openH5: () => openH5(main), signal });
    }
  }
}

function addressOf(url: string, pageUrl: string): string {
  try {
    return new URL(url, pageUrl).href;
  } catch (cause) {
    throw new PeerceptronError('MODEL_NOT_FOUND', `'${url}' is no address`, { cause });
  }
}
