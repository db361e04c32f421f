/** A vector of length 1 in the same direction: brightness and contrast of what is seen then count for little. */
export function unitVector(values: Float32Array): Float32Array {
  let squares = 0;
  for (const value of values) squares += value * value;
  const length = Math.sqrt(squares);
  return length > 0 ? values.map((value) => value / length) : values.slice();
}

/**
 * The same features without where they were seen: means over all axes but the last of `[…, channels]`. Of a vector, itself.
 */
export function pooled(values: Float32Array, channels: number): Float32Array {
  const places = values.length / channels;
  if (places === 1) return values;
  const means = new Float32Array(channels);
  for (let at = 0; at < values.length; at++) means[at % channels]! += values[at]! / places;
  return means;
}

/** Of so many nearest examples the class is asked, where every class has as many. */
const MOST_NEIGHBOURS = 9;

/**
 * k-nearest neighbours by the cosine of the angle: for every class its share of the `k` examples that are most like `query`,
 * where `k` is no more than the smallest class has. Vectors are of length 1; classes without examples get 0.
 */
export function nearestShares(
  classes: readonly (readonly Float32Array[])[],
  query: Float32Array,
): readonly number[] {
  const sizes = classes.map(({ length }) => length).filter((size) => size > 0);
  if (sizes.length === 0) return classes.map(() => 0);
  const k = Math.min(MOST_NEIGHBOURS, ...sizes);
  const nearest: { readonly likeness: number; readonly of: number }[] = [];
  classes.forEach((examples, of) => {
    for (const example of examples) {
      const likeness = dot(example, query);
      if (nearest.length === k && likeness <= nearest[k - 1]!.likeness) continue;
      const place = nearest.findIndex((other) => likeness > other.likeness);
      nearest.splice(place < 0 ? nearest.length : place, 0, { likeness, of });
      if (nearest.length > k) nearest.pop();
    }
  });
  return classes.map((_, index) => nearest.filter(({ of }) => of === index).length / k);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
