import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A model in a folder of models: a folder with a model file, or a model file of its own. */
export interface ListedModel {
  readonly name: string;
  /** Relative to the folder of models, escaped for a URL: what `--model` takes when the server's address stands in front. */
  readonly path: string;
  readonly format: 'graph' | 'tfjs' | 'h5';
  /** Of all its files. */
  readonly sizeBytes: number;
}

const LIST_LIMIT = 1000;
const MODEL_FILES = { 'graph.json': 'graph', 'model.json': 'tfjs' } as const;

/** The models right in a folder, by name; dot files and what cannot be read are left out. */
export async function listModels(dir: string): Promise<ListedModel[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const models: ListedModel[] = [];
  for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (models.length >= LIST_LIMIT) break;
    if (name.startsWith('.')) continue;
    const found = await stat(join(dir, name)).catch(() => undefined);
    if (found?.isFile() && /\.h5$/i.test(name)) {
      models.push({ name, path: encodeURIComponent(name), format: 'h5', sizeBytes: found.size });
    }
    if (!found?.isDirectory()) continue;
    const files = (await readdir(join(dir, name)).catch(() => [])).filter((file) => !file.startsWith('.'));
    const format = Object.entries(MODEL_FILES).find(([file]) => files.includes(file))?.[1];
    if (!format) continue;
    const sizes = await Promise.all(
      files.map(async (file) => (await stat(join(dir, name, file)).catch(() => undefined))?.size ?? 0),
    );
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    models.push({ name, path: `${encodeURIComponent(name)}/`, format, sizeBytes });
  }
  return models;
}
