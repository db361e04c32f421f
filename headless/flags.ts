import { InvalidArgumentError } from 'commander';

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
