import { PeerceptronError } from '../../shared/errors.ts';

const MOST_LABELS = 100_000;
const LONGEST_LABEL = 200;

/**
 * Class names from a file: a JSON list, an object with `labels` (Teachable Machine) or with an entry per index (as ImageNet's
 * `{"0": ["n01440764", "tench"], …}`), or text with a name per line.
 * @throws INPUT_INVALID where it is none of these, or there are not `count` of them
 */
export function parseLabels(text: string, fileName: string, count: number): readonly string[] {
  const labels = listed(text, fileName);
  if (labels.length === count) return labels;
  throw invalid(fileName, `it names ${labels.length} classes, and the network tells ${count} apart`);
}

function listed(text: string, fileName: string): readonly string[] {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed)) {
    const lines = trimmed.split(/\r?\n/).map((line) => line.trim());
    return checked(lines, fileName);
  }
  let json: unknown;
  try {
    json = JSON.parse(trimmed);
  } catch (cause) {
    throw new PeerceptronError('INPUT_INVALID', `${fileName} is neither JSON nor a list of lines`, { cause });
  }
  if (Array.isArray(json)) return checked(json, fileName);
  const { labels, ...entries } = json as Record<string, unknown>;
  if (Array.isArray(labels)) return checked(labels, fileName);
  const count = Object.keys(entries).length;
  const byIndex = Array.from({ length: count }, (_, index) => {
    const entry = entries[String(index)];
    return Array.isArray(entry) ? (entry.at(-1) as unknown) : entry;
  });
  return checked(byIndex, fileName);
}

function checked(labels: readonly unknown[], fileName: string): readonly string[] {
  if (labels.length > MOST_LABELS) throw invalid(fileName, `it names more than ${MOST_LABELS} classes`);
  const wrong = labels.findIndex((label) => typeof label !== 'string' || label === '');
  if (wrong >= 0) throw invalid(fileName, `class ${wrong} has no name`);
  return (labels as readonly string[]).map((label) => label.slice(0, LONGEST_LABEL));
}

const invalid = (fileName: string, what: string): PeerceptronError =>
  new PeerceptronError('INPUT_INVALID', `${fileName} does not fit: ${what}`);
