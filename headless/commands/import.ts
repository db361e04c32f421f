import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { PREPROCESSING } from '../../src/models/image-encoding.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { parseSeed, parseShape } from '../flags.ts';
import { writeModel } from '../import-model.ts';
import {
  describeWeights,
  loadModelByName,
  MODEL_HELP,
  randomWeightsNotice,
  WEIGHTS_HELP,
} from '../model-files.ts';
import { createTerminal, formatBytes } from '../terminal.ts';

interface ImportFlags {
  readonly output: string;
  readonly weights?: string;
  readonly seed?: number;
  readonly inputShape?: readonly number[];
  readonly preprocess?: string;
  readonly labels?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function addImportCommand(program: Command): void {
  program
    .command('import')
    .description(
      'any model as graph.json and weights of which devices read just their slices, each block checked',
    )
    .argument('<model>', MODEL_HELP)
    .requiredOption('-o, --output <dir>', 'folder for the model; made where it does not exist')
    .option('--weights <file>', WEIGHTS_HELP)
    .option('--seed <n>', 'of random weights (default: 1)', parseSeed)
    .option('--input-shape <shape>', 'for models that work at any size, as 224x224x3', parseShape)
    .addOption(
      new Option('--preprocess <kind>', 'how pixels become inputs (default: by model)').choices([
        ...PREPROCESSING,
      ]),
    )
    .option('--labels <file>', 'class names: a JSON array, or one per line')
    .option('--force', 'replace a model that is in the folder')
    .option('--json', 'print one JSON document')
    .action(async (name: string, flags: ImportFlags) => {
      await importModel(name, flags);
    });
}

async function importModel(name: string, flags: ImportFlags): Promise<void> {
  const terminal = createTerminal(flags.json ?? false);
  const { weights, seed, inputShape, preprocess, labels } = flags;
  const model = await loadModelByName(name, { weights, seed, inputShape, preprocess, labels });
  if (model.seeded) terminal.note(randomWeightsNotice(model.seeded.seed));
  const stop = new AbortController();
  const interrupted = (): void =>
    stop.abort(new PeerceptronError('OUTPUT_UNWRITABLE', 'stopped; nothing was kept: start again'));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const startMs = performance.now();
  try {
    const written = await writeModel(model, {
      dir: resolve(flags.output),
      force: flags.force ?? false,
      signal: stop.signal,
      onProgress: (done, total) =>
        terminal.bars([{ label: 'writing weights', done, total, format: formatBytes }]),
    });
    terminal.endProgress();
    const seconds = (performance.now() - startMs) / 1000;
    terminal.say(
      `${pc.bold(model.graph.name)}: ${written.tensors} weight tensors, ${formatBytes(written.weightsBytes)}, in ${seconds.toFixed(1)} s\n` +
        `${written.graphFile}\n` +
        pc.dim(`Run it with --model ${flags.output}, or give its folder to others with serve --models.`),
    );
    terminal.result({
      model: model.graph.name,
      weights: describeWeights(model),
      seconds,
      ...written,
    });
  } finally {
    terminal.endProgress();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}
