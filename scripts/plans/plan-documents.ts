import { toJsonSchema } from '@valibot/to-json-schema';
import { format } from 'prettier';
import { planFileSchema } from '../../src/planner/plan-file.ts';
import { EXAMPLE_PLANS, preparedNetwork } from './example-plans.ts';

export interface GeneratedDocument {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** The JSON schema of plan files, and the example plans: what `npm run plans` writes. */
export async function planDocuments(): Promise<GeneratedDocument[]> {
  const schema = toJsonSchema(planFileSchema, { typeMode: 'input', errorMode: 'throw' });
  return [
    {
      path: 'docs/plan.schema.json',
      text: await format(JSON.stringify(schema), { parser: 'json', printWidth: 110 }),
    },
    ...EXAMPLE_PLANS.map(({ name, network, description, build }) => {
      const file = build(preparedNetwork(network)).file(description);
      const json = { $schema: '../../docs/plan.schema.json', ...file };
      return { path: `examples/plans/${name}.json`, text: `${write(json, '')}\n` };
    }),
  ];
}

const WIDTH = 110;

/** JSON for people: what fits on a line stays on it, so that a tile is one line. */
function write(value: unknown, indent: string): string {
  const line = inline(value);
  if (indent.length + line.length <= WIDTH || typeof value !== 'object' || value === null) return line;
  const inner = `${indent}  `;
  const [open, close, items] = Array.isArray(value)
    ? ['[', ']', value.map((item: unknown) => write(item, inner))]
    : ['{', '}', Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${write(item, inner)}`)];
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${indent}${close}`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`);
  return `{ ${fields.join(', ')} }`;
}
