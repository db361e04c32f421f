import { corrupt } from './json-reader.ts';

/**
 * Where a file lies that a model file names: beside the model file, or below. A model must not make its readers open
 * anything else, so addresses, absolute paths and `..` are refused with `MODEL_CORRUPT`.
 */
export function locationOf(modelFile: string, path: string): string {
  const clean = path.replace(/^\.\//, '');
  const parts = clean.split(/[/\\]/);
  if (clean === '' || /^[a-z][a-z0-9+.-]*:/i.test(clean) || parts[0] === '' || parts.includes('..')) {
    corrupt('the model', `it names the file '${path.slice(0, 80)}', which is not beside it`);
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(modelFile)) {
    // Only the path is taken over; a name may hold characters that mean something in a URL.
    const encoded = parts.map((part) => encodeURIComponent(decoded(part))).join('/');
    return new URL(encoded, modelFile).href;
  }
  const cut = Math.max(modelFile.lastIndexOf('/'), modelFile.lastIndexOf('\\'));
  return modelFile.slice(0, cut + 1) + clean;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
