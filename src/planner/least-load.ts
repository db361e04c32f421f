/** A part of the work that one party may take: adds `loads[i].amount` times its share to resource `loads[i].resource`. */
export interface Option {
  readonly task: number;
  readonly loads: readonly { readonly resource: number; readonly amount: number }[];
}

const TOLERANCE = 1e-12;

/**
 * Shares of the options, those of each task adding up to 1, so that the busiest resource has as little to do as can be:
 * a linear program, solved by the simplex method. `undefined` where a task has no option. Most shares are 0: there
 * are no more others than tasks and resources together.
 */
export function leastLoad(
  taskCount: number,
  resourceCount: number,
  options: readonly Option[],
): number[] | undefined {
  const first = new Array<number>(taskCount).fill(-1);
  for (const [index, { task }] of options.entries()) if (first[task]! < 0) first[task] = index;
  if (first.includes(-1)) return undefined;
  // Columns: options, the most loaded resource's load, one slack per resource, the right side.
  const top = options.length;
  const slack = top + 1;
  const right = slack + resourceCount;
  const width = right + 1;
  const rows: Float64Array[] = [];
  const basis: number[] = [];
  for (let task = 0; task < taskCount; task++) {
    const row = new Float64Array(width);
    row[right] = 1;
    rows.push(row);
    basis.push(first[task]!);
  }
  for (let resource = 0; resource < resourceCount; resource++) {
    const row = new Float64Array(width);
    row[top] = -1;
    row[slack + resource] = 1;
    rows.push(row);
    basis.push(slack + resource);
  }
  for (const [index, { task, loads }] of options.entries()) {
    rows[task]![index] = 1;
    for (const { resource, amount } of loads) rows[taskCount + resource]![index]! += amount;
  }
  const entries = new Int32Array(width);
  const pivot = (at: number, column: number): void => {
    const row = rows[at]!;
    const scale = 1 / row[column]!;
    // Every resource belongs to one party, so most of a row is 0 for most of the way.
    let filled = 0;
    for (let index = 0; index < width; index++) {
      if (row[index] === 0) continue;
      row[index]! *= scale;
      entries[filled++] = index;
    }
    for (let other = 0; other < rows.length; other++) {
      const target = rows[other]!;
      const factor = target[column]!;
      if (other === at || factor === 0) continue;
      for (let entry = 0; entry < filled; entry++) {
        const index = entries[entry]!;
        target[index]! -= factor * row[index]!;
      }
      target[column] = 0;
    }
    basis[at] = column;
  };
  for (let task = 0; task < taskCount; task++) pivot(task, first[task]!);
  let heaviest = taskCount;
  for (let at = taskCount; at < rows.length; at++) {
    if (rows[at]![right]! < rows[heaviest]![right]!) heaviest = at;
  }
  pivot(heaviest, top);
  // The row in which the load is basic is the objective: load = right side − Σ coefficients · nonbasic columns.
  for (let round = 0; round < 50 * (rows.length + 10); round++) {
    const objective = rows[basis.indexOf(top)]!;
    let column = -1;
    let steepest = TOLERANCE * (1 + objective[right]!);
    for (let index = 0; index < right; index++) {
      if (index === top || objective[index]! <= steepest) continue;
      steepest = objective[index]!;
      column = index;
    }
    if (column < 0) break;
    let at = -1;
    let least = Infinity;
    for (const [index, row] of rows.entries()) {
      if (row[column]! <= 1e-9) continue;
      const ratio = row[right]! / row[column]!;
      if (ratio < least - TOLERANCE || (ratio < least + TOLERANCE && at >= 0 && basis[index]! < basis[at]!)) {
        least = ratio;
        at = index;
      }
    }
    if (at < 0 || basis[at] === top) break;
    pivot(at, column);
  }
  const shares = new Array<number>(options.length).fill(0);
  for (const [index, column] of basis.entries()) {
    if (column < top) shares[column] = Math.max(0, rows[index]![right]!);
  }
  return shares;
}
