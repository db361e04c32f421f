import { PeerceptronError } from '../shared/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws `MODEL_CORRUPT`: what a model file says makes no sense. */
export function corrupt(where: string, what: string): never {
  throw new PeerceptronError(
    'MODEL_CORRUPT',
    `${where}: ${what}; the model file is damaged or was not written by a known tool`,
  );
}

/** A short picture of a value from outside, for messages. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * Typed access to a layer's configuration, which comes from a file that anyone may have written: every value is
 * checked where it is read, and an error names the layer and the field.
 */
export class ConfigReader {
  readonly where: string;
  readonly #config: JsonObject;

  constructor(where: string, config: JsonObject) {
    this.where = where;
    this.#config = config;
  }

  /** The first of the spellings that is there and not null. */
  raw(...names: string[]): unknown {
    for (const name of names) {
      const value = Object.hasOwn(this.#config, name) ? this.#config[name] : undefined;
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }

  string(name: string, fallback?: string): string {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'string') this.#bad(name, 'a text', value);
    return value;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'boolean') this.#bad(name, 'true or false', value);
    return value;
  }

  number(name: string, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) this.#bad(name, 'a number', value);
    return value;
  }

  integer(name: string, minimum: number, fallback?: number): number {
    const value = this.number(name, fallback);
    if (!Number.isSafeInteger(value) || value < minimum) {
      this.#bad(name, `a whole number from ${minimum} on`, value);
    }
    return value;
  }

  /** One whole number per spatial axis; a single one stands for all. */
  integers(name: string, rank: number, minimum: number, fallback?: readonly number[]): number[] {
    const value = this.raw(name) ?? fallback;
    // Some versions write [2] or 2 for a single axis, and 2 for [2, 2].
    const list: unknown[] = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
    const legal = (item: unknown): item is number =>
      typeof item === 'number' && Number.isSafeInteger(item) && item >= minimum;
    if (list.length !== rank || !list.every(legal)) {
      this.#bad(name, `${rank} whole number${rank === 1 ? '' : 's'} from ${minimum} on`, value);
    }
    return list;
  }

  #bad(name: string, wanted: string, value: unknown): never {
    corrupt(this.where, `'${name}' should be ${wanted}, it is ${shown(value)}`);
  }
}
