import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { formatMs, formatRate } from '../../format.ts';
import { liveStrings } from '../../strings.ts';
import type { LiveSample, LiveState } from '../live-state.ts';
import './line-chart.ts';
import type { ChartPoint } from './line-chart.ts';

/** How fast a network runs on what is shown: now, and over the last two minutes. */
@customElement('pt-live-figures')
export class LiveFigures extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .figures {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 0.5rem;
      }
      .figures dt {
        color: var(--pt-muted);
        font-size: 0.875rem;
      }
      .figures dd {
        font-size: 1.25rem;
        font-weight: 650;
      }
      .charts {
        display: grid;
        gap: 0.75rem;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr));
        margin-top: 0.5rem;
      }
      details {
        margin-top: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) live: LiveState | undefined;
  @state() private isOpen = false;

  override render() {
    if (!this.live) return nothing;
    const { rates, counts, history } = this.live;
    return html`<dl class="figures number">
        <div>
          <dt>${liveStrings.rate}</dt>
          <dd>${rates?.framesPerSecond === undefined ? '–' : formatRate(rates.framesPerSecond)}</dd>
        </div>
        <div>
          <dt>${liveStrings.latency}</dt>
          <dd>${rates ? formatMs(rates.latencyMs) : '–'}</dd>
        </div>
        <div title=${liveStrings.droppedExplain}>
          <dt>${liveStrings.dropped}</dt>
          <dd>${counts.dropped}</dd>
        </div>
      </dl>
      <details @toggle=${(event: Event) => (this.isOpen = (event.target as HTMLDetailsElement).open)}>
        <summary>${liveStrings.overTime}</summary>
        ${this.isOpen ? this.charts(history) : nothing}
      </details>`;
  }

  private charts(history: readonly LiveSample[]) {
    const { charts } = liveStrings;
    const points = (valueOf: (sample: LiveSample, index: number) => number): readonly ChartPoint[] =>
      history.map((sample, index) => ({ atMs: sample.atMs, value: valueOf(sample, index) }));
    return html`<div class="charts">
      <pt-line-chart
        label=${charts.rate}
        .points=${points(({ framesPerSecond }) => framesPerSecond)}
        .format=${formatRate}
      ></pt-line-chart>
      <pt-line-chart
        label=${charts.latency}
        .points=${points(({ latencyMs }) => latencyMs)}
        .format=${formatMs}
      ></pt-line-chart>
      <pt-line-chart
        label=${charts.dropped}
        .points=${points((sample, index) => droppedPerSecond(history[index - 1], sample))}
        .format=${formatRate}
      ></pt-line-chart>
    </div>`;
  }
}

function droppedPerSecond(before: LiveSample | undefined, { atMs, dropped }: LiveSample): number {
  return before ? ((dropped - before.dropped) * 1000) / (atMs - before.atMs) : 0;
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-live-figures': LiveFigures;
  }
}
