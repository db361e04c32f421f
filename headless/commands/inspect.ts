import type { Command } from 'commander';
import pc from 'picocolors';
import { graphCost } from '../../src/graph/inspect.ts';
import { describeWeights, loadModelByName, MODEL_HELP, WEIGHTS_HELP } from '../model-files.ts';
import { parseShape } from '../flags.ts';
import { createTerminal, formatBytes, formatCount, table } from '../terminal.ts';

interface InspectFlags {
  readonly json?: boolean;
  readonly original?: boolean;
  readonly inputShape?: readonly number[];
  readonly weights?: string;
}

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('layers, shapes, parameters, multiply-accumulates, and where a model can be cut and split')
    .argument('<model>', MODEL_HELP)
    .option('--input-shape <shape>', 'for models that work at any size, as 224x224x3', parseShape)
    .option('--weights <file>', WEIGHTS_HELP)
    .option('--original', 'layers as published, before batch norms are folded (plans count the folded ones)')
    .option('--json', 'print one JSON document')
    .action(async (name: string, flags: InspectFlags) => {
      const terminal = createTerminal(flags.json ?? false);
      const model = await loadModelByName(name, { inputShape: flags.inputShape, weights: flags.weights });
      const graph = flags.original ? model.original : model.graph;
      const report = graphCost(graph);
      const published = graphCost(model.original);
      const weights = describeWeights(model);
      const cuts = new Map(
        report.cuts.map(({ after, tensors, bytes }) => [
          after,
          `${formatBytes(bytes)}${tensors.length > 1 ? ` (${tensors.length} tensors)` : ''}`,
        ]),
      );
      terminal.say(pc.bold(graph.name));
      for (const { id, shape } of graph.inputs) terminal.say(`input ${id} [${shape.join(', ')}]`);
      terminal.say(
        table(
          ['#', 'op', 'kind', 'output', 'parameters', 'MACs', 'splits along', 'cut after'],
          report.layers.map((layer, index) => [
            String(index),
            layer.id,
            layer.op,
            `[${layer.outputShape.join(', ')}]`,
            layer.parameters > 0 ? formatCount(layer.parameters) : '',
            layer.macs > 0 ? formatCount(layer.macs) : '',
            [
              layer.tileableAxes.map((axis) => axisName(axis, layer.outputShape.length)).join(' '),
              layer.reducible ? 'sum' : '',
            ]
              .filter(Boolean)
              .join(', '),
            cuts.get(index) ?? '',
          ]),
        ),
      );
      terminal.say(
        `${pc.bold(formatCount(published.parameters))} parameters (${published.parameters}), ${formatBytes(report.parameters * 4)} of weights, ${pc.bold(formatCount(report.macs))} MACs, output ${graph.outputs.join(', ')}`,
      );
      if (report.parameters !== published.parameters) {
        terminal.say(
          `${report.parameters} of them are left in the layers above: batch norms are folded into the layers before them`,
        );
      }
      terminal.say(`weights: ${weights}`);
      terminal.result({
        name: graph.name,
        weights,
        inputs: graph.inputs,
        outputs: graph.outputs,
        ...report,
        parameters: published.parameters,
        parametersAsRun: graphCost(model.graph).parameters,
      });
    });
}

/** Channels last; the letters that people use for the axes before them. */
function axisName(axis: number, rank: number): string {
  const names = { 1: 'c', 2: 'wc', 3: 'hwc', 4: 'dhwc' }[rank];
  return names?.[axis] ?? String(axis);
}
