import type { Calibration } from '../../cells.ts';
import { count } from '../../names.ts';
import type { CellIndex } from '../cell-index.ts';
import { digits } from '../format.ts';
import { judgeGoals, type GoalUnit, type JudgedGoal } from '../goals.ts';
import { bullets, escapeMarkdown, markdownTable, NONE, paragraphs } from '../markdown.ts';
import { whereTimeGoes } from '../where-time-goes.ts';

/** What was aimed at, what came of it, and what holds up each goal that was missed. */
export function goalsSection(cells: CellIndex, calibration: Calibration): string {
  const goals = judgeGoals(cells);
  const table = markdownTable<JudgedGoal>(
    [
      { title: 'goal', align: 'text', cell: ({ what }) => what },
      { title: 'aim', align: 'figure', cell: aimOf },
      { title: 'measured', align: 'figure', cell: measuredOf },
      { title: '', align: 'text', cell: verdictOf },
    ],
    goals,
  );
  const missed = goals.flatMap(({ what, verdict }) =>
    verdict.state === 'missed' ? [`**${what}**: ${whereTimeGoes(cells, verdict.cell, calibration)}.`] : [],
  );
  return paragraphs([
    '## Goals',
    `${summary(goals)} Speed-ups of latency and rate are over plain TensorFlow.js on one such device (of C3D over our own convolutions on one), memory is that of the device that holds most while the rate is measured; at 90 Mbit/s unless said.`,
    table,
    ...(missed.length === 0 ? [] : ['### What holds up the ones that were missed', bullets(missed)]),
  ]);
}

function summary(goals: readonly JudgedGoal[]): string {
  const number = (state: JudgedGoal['verdict']['state']): number =>
    goals.filter(({ verdict }) => verdict.state === state).length;
  const rest = (['missed', 'refused', 'not measured'] as const).flatMap((state) =>
    number(state) > 0 ? [`${number(state)} ${state}`] : [],
  );
  return `${[`Of ${count(goals.length, 'goal')} ${number('met')} met`, ...rest].join(', ')}.`;
}

const aimOf = ({ goal, unit }: JudgedGoal): string =>
  goal.atLeast === undefined
    ? `≤ ${valueText(goal.atMost!, unit, plain)}`
    : `≥ ${valueText(goal.atLeast, unit, plain)}`;

const plain = (value: number): string => String(value);

const valueText = (value: number, unit: GoalUnit, written: (value: number) => string): string =>
  unit === 'bytes' ? `${written(value / 1e6)} MB` : `${written(value)} ×`;

/** With more digits than usual where fewer would make a miss look met. */
function measuredOf({ verdict, goal, unit }: JudgedGoal): string {
  if (verdict.state !== 'met' && verdict.state !== 'missed') return NONE;
  const { value, state } = verdict;
  const scale = unit === 'bytes' ? 1e6 : 1;
  const bound = (goal.atLeast ?? goal.atMost!) / scale;
  const significant = [3, 4, 5].find(
    (most) => state === 'met' || Number(digits(value / scale, most)) !== bound,
  );
  return valueText(value, unit, (shown) => digits(shown, significant ?? 6));
}

function verdictOf({ verdict }: JudgedGoal): string {
  switch (verdict.state) {
    case 'met':
      return 'met';
    case 'missed':
      return '**missed**';
    case 'refused':
      return `refused: ${escapeMarkdown(verdict.why)}`;
    case 'not measured':
      return 'not measured';
  }
}
