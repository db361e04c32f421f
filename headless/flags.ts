import { InvalidArgumentError } from 'commander';
import type { Spread } from '../src/planner/scaling.ts';
import { byteSize } from '../src/shared/byte-size.ts';

/** For commander: a whole number from 1. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** For commander: any number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0.');
  return value;
}

/** For commander: 0 and up. */
export function parseNatural(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError('expected a whole number from 0.');
  }
  return value;
}

/** For commander: frames in flight, as many as PREPARE admits. */
export function parseWindow(text: string): number {
  const value = parseCount(text);
  if (value > 64) throw new InvalidArgumentError('expected a whole number from 1 to 64.');
  return value;
}

/** For commander: a part of a whole, above 0 and at most 1, as `25%` or `0.25`. */
export function parseShare(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 1) {
    throw new InvalidArgumentError('expected a part above 0 and at most all, as 25% or 0.25.');
  }
  return value;
}

/** For commander: a seed of 32 bits. */
export function parseSeed(text: string): number {
  const value = parseNatural(text);
  if (value > 0xffff_ffff) throw new InvalidArgumentError('expected a whole number below 2^32.');
  return value;
}

/** For commander: extents as `224x224x3`. */
export function parseShape(text: string): number[] {
  const extents = text.split(/[x×,]/).map(Number);
  if (!extents.every((extent) => Number.isInteger(extent) && extent >= 1)) {
    throw new InvalidArgumentError('expected extents without the batch, as 224x224x3.');
  }
  return extents;
}

export function parsePort(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError('expected a port from 0 to 65535.');
  }
  return value;
}

/** For commander: whole numbers from 1 as `1-12,16,32`; each once, smallest first. */
export function parseCounts(text: string): number[] {
  const counts = text.split(',').flatMap((part) => {
    const [first, last = first, ...rest] = part.split(/-|\.\./).map((end) => parseCount(end.trim()));
    if (first === undefined || last === undefined || rest.length > 0 || last < first) {
      throw new InvalidArgumentError('expected numbers and ranges, as 1-12,16,32.');
    }
    if (last > MOST_COUNT) throw new InvalidArgumentError(`expected numbers up to ${MOST_COUNT}.`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return [...new Set(counts)].sort((a, b) => a - b);
}

const MOST_COUNT = 1000;

/** For commander: `0.5-2`, or one number for both ends. */
export const parseSpread = (text: string): Spread => spread(text, Number, 'numbers, as 0.5-2');

/** For commander: sizes as `256MB-4GB`. */
export const parseSizeSpread = (text: string): Spread =>
  spread(text, (size) => byteSize(size) ?? Number.NaN, 'sizes, as 256MB-4GB');

function spread(text: string, valueOf: (text: string) => number, what: string): Spread {
  const [low, high = low, ...rest] = text
    .split(/-|\.\./)
    .map((end) => (end.trim() === '' ? Number.NaN : valueOf(end.trim())));
  if (
    low === undefined ||
    high === undefined ||
    rest.length > 0 ||
    !(low >= 0 && high >= low && high < Infinity)
  ) {
    throw new InvalidArgumentError(`expected ${what}.`);
  }
  return { low, high };
}
