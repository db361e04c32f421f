import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { opRuns } from '../../mesh/device-presence.ts';
import { formatRate } from '../format.ts';
import { connectedCount, phaseOf, type Phase, type RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import './problem-notice.ts';
import { sharedStyles } from './shared-styles.ts';

type StepState = 'done' | 'doing' | 'waiting' | 'failed';

const tone: Record<Phase, string> = {
  starting: 'wait',
  connecting: 'wait',
  alone: 'good',
  ready: 'good',
  working: 'good',
  paused: 'wait',
  leaving: 'wait',
  lost: 'bad',
  failed: 'bad',
};
const mark: Record<StepState, string> = { done: '✓', doing: '…', waiting: '·', failed: '✗' };
const markTone: Record<StepState, string> = { done: 'good', doing: 'wait', waiting: 'muted', failed: 'bad' };

/** The headline of the visit, announced to screen readers whenever it changes, and the three steps that lead to work. */
@customElement('pt-connection')
export class ConnectionStatus extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .headline {
        font-size: 1.375rem;
        line-height: 1.3;
        font-weight: 650;
      }
      /* Room for two lines: the sentence changes while people read what stands below. */
      .status {
        min-height: 4.375rem;
      }
      /* Two lines are kept for it, one on wide screens, so that nothing moves when work comes. */
      .part {
        margin-top: 0.5rem;
        min-height: 3rem;
      }
      @media (min-width: 52rem) {
        .status {
          min-height: 3.375rem;
        }
        .part {
          min-height: 1.5rem;
        }
      }
      ol {
        list-style: none;
        margin: 0.875rem 0 0;
        padding: 0;
        display: flex;
        flex-wrap: wrap;
        gap: 0.375rem 1.5rem;
      }
      .mark {
        display: inline-block;
        width: 1.25rem;
        font-weight: 700;
      }
      pt-problem {
        margin-top: 1rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { engine, signaling, members, self } = this.room;
    const phase = phaseOf(this.room);
    const connected = connectedCount(this.room);
    const problem = engine.state === 'failed' ? engine.problem : signaling.problem;
    return html`<section class="card" aria-label=${strings.connection}>
      <div class="status" role="status" aria-live="polite">
        <p class="headline ${tone[phase]}">${this.headline(phase)}</p>
        <p class="muted">${self ? strings.peers(connected, members.size) : strings.notJoined}</p>
      </div>
      <ol>
        ${this.step(strings.steps.engine, engineStep(engine.state))}
        ${this.step(strings.steps.signaling, engine.state === 'ready' ? signalingStep(signaling.state) : 'waiting')}
        ${this.step(strings.steps.peers, members.size > 0 ? 'done' : 'waiting')}
      </ol>
      <p class="part number">${this.doing(this.room)}</p>
      ${problem ? html`<pt-problem .problem=${problem}></pt-problem>` : nothing}
    </section>`;
  }

  /** What this device does of all the work, in one sentence; not announced, for it changes all the time. */
  private doing({ sessions, presences, self }: RoomState): string {
    const ready = [...sessions.values()].flatMap(({ model, stage }) =>
      stage.state === 'ready' && stage.tiles.length > 0 ? [{ model, stage }] : [],
    );
    const rate = (self && presences.get(self)?.framesPerSecond) ?? 0;
    return ready
      .map(({ model, stage }, index) =>
        strings.part({
          model,
          runs: opRuns(stage.tiles).map(([start, end]) => [start + 1, end] as const),
          percent: Math.round(stage.part * 100),
          // It is that of all sessions together.
          ...(rate > 0 && index === ready.length - 1 ? { rate: formatRate(rate) } : {}),
        }),
      )
      .join(' ');
  }

  private headline(phase: Phase): string {
    if (phase !== 'working') return strings.phase[phase];
    const models = [...this.room!.sessions.values()].map(({ model }) => model);
    return `${strings.phase.working} ${[...new Set(models)].join(', ')}`;
  }

  private step(title: string, state: StepState) {
    return html`<li>
      <span class="mark ${markTone[state]}" role="img" aria-label=${strings.stepState[state]}
        >${mark[state]}</span
      >${title}
    </li>`;
  }
}

const engineStep = (state: RoomState['engine']['state']): StepState =>
  state === 'ready' ? 'done' : state === 'failed' ? 'failed' : 'doing';

const signalingStep = (state: RoomState['signaling']['state']): StepState =>
  state === 'open' ? 'done' : state === 'closed' ? 'failed' : 'doing';

declare global {
  interface HTMLElementTagNameMap {
    'pt-connection': ConnectionStatus;
  }
}
