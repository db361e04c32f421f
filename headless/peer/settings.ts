import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { usage } from '../terminal.ts';

/** `PEERCEPTRON_LOG_LEVEL` for `--log-level`. */
export const environmentName = (long: string): string =>
  `PEERCEPTRON_${long.replace(/^--/, '').toUpperCase().replaceAll('-', '_')}`;

/** What may be set in the environment and in a file, too: whatever takes a value. */
export const settingsOf = (command: Command): Option[] =>
  command.options.filter(({ required, optional, long }) => (required || optional) && long !== undefined);

/**
 * Lets every flag with a value be given in the environment (`PEERCEPTRON_…`) and in a file (`--config`) as well. What is nearer to the call
 * holds: flags, then the environment, then the file. Comes after all flags.
 */
export function addSettings(command: Command): void {
  command.addOption(
    new Option(
      '--config <file>',
      'settings as JSON: {"name": "kitchen", "memory": "512MB"}; keys are flags without dashes',
    ),
  );
  for (const option of settingsOf(command))
    if (option.envVar === undefined) option.env(environmentName(option.long!));
}

/**
 * Puts in what the environment says where flags do not, and what the file of `--config` says where neither does.
 * @throws USAGE
 */
export async function applySettings(
  command: Command,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const settings = settingsOf(command);
  const isOpen = (option: Option): boolean => {
    const source = command.getOptionValueSource(option.attributeName());
    return source !== 'cli' && source !== 'env';
  };
  for (const option of settings) {
    const text = environment[option.envVar!];
    if (!text || !isOpen(option)) continue;
    command.setOptionValueWithSource(option.attributeName(), valueOf(option, text, option.envVar!), 'env');
  }
  const path = command.getOptionValue('config') as string | undefined;
  if (path === undefined) return;
  for (const [key, value] of Object.entries(await readConfig(path))) {
    const option = settings.find(({ long }) => long === `--${key}` && long !== '--config');
    if (!option) throw usage(`--config ${path}: ${unknownKey(key, settings)}`);
    if (!isOpen(option)) continue;
    const parsed = valueOf(option, value, `--config ${path}: "${key}"`);
    command.setOptionValueWithSource(option.attributeName(), parsed, 'config');
  }
}

function unknownKey(key: string, settings: readonly Option[]): string {
  // The link is a secret; this file need not be one.
  if (key === 'url')
    return '"url" does not belong in it: put the link in a file of its own, and name that as "url-file"';
  const known = settings
    .map(({ long }) => long!.slice(2))
    .filter((name) => name !== 'config')
    .join(', ');
  return `"${key}" is no setting; there are ${known}`;
}

async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw usage(`--config: '${path}' cannot be read`);
  }
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (cause) {
    throw usage(`--config ${path}: this is no JSON: ${toPeerceptronError(cause).message}`);
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw usage(`--config ${path}: expected an object, as {"name": "kitchen"}`);
  return { ...settings };
}

type ParseValue = (text: string, before: unknown) => unknown;

/** Through the same parser as the flag. */
function valueOf(option: Option, value: unknown, where: string): unknown {
  // As `--cache` without a folder, and `--no-cache`.
  if (typeof value === 'boolean' && option.attributeName() === 'cache') return value;
  const parse = option.parseArg as ParseValue | undefined;
  const texts = Array.isArray(value) ? (value as unknown[]) : [value];
  let parsed: unknown;
  for (const text of texts) {
    if (typeof text !== 'string' && typeof text !== 'number')
      throw usage(`${where}: expected text or a number`);
    try {
      parsed = parse ? parse(String(text), parsed) : String(text);
    } catch (cause) {
      throw usage(`${where}: ${toPeerceptronError(cause).message}`);
    }
  }
  return parsed;
}
