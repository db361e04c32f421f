/**
 * Non-negative least squares (Lawson and Hanson): the `x ≥ 0` that makes `|A x − b|` smallest.
 * @param rows of A, each as long as x.
 */
export function nonNegativeLeastSquares(rows: readonly Float64Array[], b: readonly number[]): Float64Array {
  const count = rows[0]?.length ?? 0;
  // Columns of equal length: rates differ by many orders of magnitude.
  const scale = new Float64Array(count);
  for (const row of rows) for (let i = 0; i < count; i++) scale[i]! += row[i]! ** 2;
  for (let i = 0; i < count; i++) scale[i] = scale[i]! > 0 ? 1 / Math.sqrt(scale[i]!) : 0;

  const gram = Array.from({ length: count }, () => new Float64Array(count));
  const moment = new Float64Array(count);
  for (const [index, row] of rows.entries()) {
    for (let i = 0; i < count; i++) {
      const value = row[i]! * scale[i]!;
      if (value === 0) continue;
      moment[i]! += value * b[index]!;
      for (let j = 0; j < count; j++) gram[i]![j]! += value * row[j]! * scale[j]!;
    }
  }
  const x = new Float64Array(count);
  const free: number[] = [];
  const tolerance = 1e-10 * Math.max(...moment.map(Math.abs), Number.MIN_VALUE);
  // Each turn frees one variable and may fix others; it ends long before this many.
  for (let turn = 0; turn < 10 * count; turn++) {
    let best = -1;
    let steepest = tolerance;
    for (let i = 0; i < count; i++) {
      if (free.includes(i) || scale[i] === 0) continue;
      let gradient = moment[i]!;
      for (let j = 0; j < count; j++) gradient -= gram[i]![j]! * x[j]!;
      if (gradient > steepest) [best, steepest] = [i, gradient];
    }
    if (best < 0) break;
    free.push(best);
    for (;;) {
      const solution = solve(gram, moment, free);
      // How far from x to the solution nothing becomes negative.
      let reach = 1;
      for (const [k, i] of free.entries()) {
        if (solution[k]! <= 0) reach = Math.min(reach, x[i]! / (x[i]! - solution[k]!));
      }
      for (const [k, i] of free.entries()) x[i]! += reach * (solution[k]! - x[i]!);
      if (reach === 1) break;
      for (let k = free.length - 1; k >= 0; k--) {
        if (x[free[k]!]! <= 1e-14) {
          x[free[k]!] = 0;
          free.splice(k, 1);
        }
      }
    }
  }
  return x.map((value, i) => value * scale[i]!);
}

/** The rows and columns of `gram` that are in `free`, by Cholesky's decomposition. */
function solve(gram: readonly Float64Array[], moment: Float64Array, free: readonly number[]): Float64Array {
  const count = free.length;
  const lower = Array.from({ length: count }, () => new Float64Array(count));
  const solution = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[free[i]!]![free[j]!]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      // Columns that depend on each other leave next to nothing here.
      lower[i]![j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j]![j]!;
    }
    let sum = moment[free[i]!]!;
    for (let k = 0; k < i; k++) sum -= lower[i]![k]! * solution[k]!;
    solution[i] = sum / lower[i]![i]!;
  }
  for (let i = count - 1; i >= 0; i--) {
    let sum = solution[i]!;
    for (let k = i + 1; k < count; k++) sum -= lower[k]![i]! * solution[k]!;
    solution[i] = sum / lower[i]![i]!;
  }
  return solution;
}
