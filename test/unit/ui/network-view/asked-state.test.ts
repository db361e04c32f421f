import { describe, expect, it } from 'vitest';
import { asSessionId } from '../../../../src/shared/ids.ts';
import {
  reduceAsked,
  type AskedEvent,
  type AskedSession,
  type PlanWish,
} from '../../../../src/ui/network-view/asked-state.ts';
import { graph, madeUpChoice } from '../../../support/planned.ts';
import { syntheticTrace } from '../../../support/synthetic-trace.ts';

const { plan, prediction } = madeUpChoice();
const wish: PlanWish = { objective: { kind: 'latency' }, without: [] };
const planned = (epoch: number, session = plan.session): AskedEvent => ({
  type: 'planned',
  session,
  graph,
  plan: { ...plan, epoch },
  wish,
  prediction,
  candidates: [],
});
const timed = (epoch: number): AskedEvent => ({ type: 'timed', epoch, tileMs: new Map([['0/0/0', 5]]) });
const trace = syntheticTrace({ computeMs: [1], transferMs: [1, 1], frames: 2, window: 1 });
const after = (...events: AskedEvent[]): AskedSession | undefined =>
  events.reduce<AskedSession | undefined>(reduceAsked, undefined);

describe('the session that a page has started', () => {
  it('begins with its first plan', () => {
    expect(after(timed(0))).toBeUndefined();
    expect(after(planned(0))).toMatchObject({ isOpen: true, trace: { state: 'none' } });
  });

  it('keeps what was measured of a plan as long as that runs', () => {
    expect(after(planned(0), timed(0), planned(0))!.tileMs.size).toBe(1);
    expect(after(planned(0), timed(0), planned(1))!.tileMs.size).toBe(0);
    expect(after(planned(1), timed(0))!.tileMs.size).toBe(0);
  });

  it('drops a preview when another plan comes into use', () => {
    const preview: AskedEvent = { type: 'preview', preview: { state: 'computing', wish } };
    expect(after(planned(0), preview, planned(0))!.preview).toBeDefined();
    expect(after(planned(0), preview, planned(1))!.preview).toBeUndefined();
  });

  it('shows the last trace while the next is collected, and when that fails', () => {
    const problem = { code: 'SESSION_CLOSED' as const, message: 'over' };
    expect(after(planned(0), { type: 'tracing' })!.trace).toEqual({ state: 'collecting' });
    const traced: AskedEvent[] = [planned(0), { type: 'tracing' }, { type: 'traced', trace }];
    expect(after(...traced, { type: 'tracing' })!.trace).toEqual({ state: 'collecting', latest: trace });
    expect(after(...traced, { type: 'trace-failed', problem })!.trace).toEqual({
      state: 'failed',
      latest: trace,
      problem,
    });
  });

  it('can still be looked at when it is closed, until the next one begins', () => {
    const closed = after(planned(0), { type: 'traced', trace }, { type: 'closed' });
    expect(closed).toMatchObject({ isOpen: false, trace: { state: 'ready' } });
    const next = reduceAsked(closed, planned(0, asSessionId('f'.repeat(32))));
    expect(next).toMatchObject({ isOpen: true, trace: { state: 'none' } });
  });
});
