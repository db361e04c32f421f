import { toJsonSchema } from '@valibot/to-json-schema';
import { format } from 'prettier';
import { compactJson } from '../../headless/compact-json.ts';
import { devicesFileSchema } from '../../src/planner/devices-schema.ts';
import { planFileSchema } from '../../src/planner/plan-file.ts';
import { EXAMPLE_PLANS, preparedNetwork } from './example-plans.ts';

export interface GeneratedDocument {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** The JSON schemas of plan files and of devices files, and the example plans: what `npm run plans` writes. */
export async function planDocuments(): Promise<GeneratedDocument[]> {
  return [
    {
      path: 'docs/plan.schema.json',
      text: await schemaText(toJsonSchema(planFileSchema, { typeMode: 'input', errorMode: 'throw' })),
    },
    {
      path: 'docs/devices.schema.json',
      text: await schemaText(
        // What JSON schema cannot say (sizes as texts, numbers that are finite) the program checks itself.
        toJsonSchema(devicesFileSchema, {
          typeMode: 'input',
          errorMode: 'throw',
          ignoreActions: ['check', 'finite'],
        }),
      ),
    },
    ...EXAMPLE_PLANS.map(({ name, network, description, build }) => {
      const file = build(preparedNetwork(network)).file(description);
      const json = { $schema: '../../docs/plan.schema.json', ...file };
      return { path: `examples/plans/${name}.json`, text: `${compactJson(json)}\n` };
    }),
  ];
}

const schemaText = (schema: object): Promise<string> =>
  format(JSON.stringify(schema), { parser: 'json', printWidth: 110 });
