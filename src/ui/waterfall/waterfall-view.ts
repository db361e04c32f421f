import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { chromeTrace } from '../../runtime/trace/chrome-trace.ts';
import { summarizeTrace, type TraceSummary } from '../../runtime/trace/summary.ts';
import type { Trace } from '../../runtime/trace/trace.ts';
import type { PeerId } from '../../shared/ids.ts';
import '../components/problem-notice.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { tableStyles } from '../components/table-styles.ts';
import { deviceName } from '../device-name.ts';
import { formatMs, formatRate } from '../format.ts';
import { latestOf } from '../network-view/asked-state.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import './waterfall-chart.ts';
import { finishedFrames, slowestStep, STAGES, waterfallOf, type Waterfall } from './waterfall-rows.ts';

/**
 * One frame through the mesh, from what the devices have recorded, and what holds it up, in words.
 * @fires take-trace when what has been recorded since is wanted
 */
@customElement('pt-waterfall')
export class WaterfallView extends LitElement {
  static override styles = [
    sharedStyles,
    tableStyles,
    css`
      .card > * + * {
        margin-top: 0.75rem;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        align-items: end;
        gap: 0.5rem 1rem;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1.25rem;
      }
      .swatch {
        display: inline-block;
        width: 1rem;
        height: 0.625rem;
        margin-right: 0.375rem;
      }
      .wait {
        background: var(--pt-stage-wait);
      }
      .receive {
        background: var(--pt-stage-receive);
      }
      .compute {
        background: var(--pt-stage-compute);
      }
      .encode {
        background: var(--pt-stage-encode);
      }
      .send {
        background: var(--pt-stage-send);
      }
      .sentence {
        font-weight: 600;
      }
      .scroll {
        overflow-x: auto;
      }
      th,
      td {
        white-space: nowrap;
      }
      tbody th {
        white-space: normal;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;
  /** Of the trace on show; undefined: the last one. */
  @state() private frame: number | undefined;
  /** Of a trace, made once. */
  private summed:
    { readonly trace: Trace; readonly summary: TraceSummary; readonly frames: number[] } | undefined;

  override render() {
    if (!this.room) return nothing;
    const { asked } = this.room;
    const latest = asked && latestOf(asked.trace).latest;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.waterfall.title}</h2>
      ${
        asked
          ? html`<p class="buttons">
              <button
                class="quiet"
                aria-disabled=${!asked.isOpen || asked.trace.state === 'collecting'}
                @click=${() => asked.isOpen && this.take()}
              >
                ${latest ? strings.waterfall.again : strings.waterfall.take}
              </button>
              ${
                latest
                  ? html`<button class="quiet" @click=${() => this.download(latest)}>
                      ${strings.waterfall.download}
                    </button>`
                  : nothing
              }
              <span class="small muted" role="status"
                >${asked.trace.state === 'collecting' ? strings.waterfall.collecting : ''}</span
              >
            </p>`
          : html`<p class="muted">${strings.waterfall.none}</p>`
      }
      ${
        asked?.trace.state === 'failed'
          ? html`<pt-problem role="alert" .problem=${asked.trace.problem}></pt-problem>`
          : nothing
      }
      ${latest ? this.trace(latest) : nothing}
    </section>`;
  }

  private trace(trace: Trace) {
    if (this.summed?.trace !== trace) {
      const frames = finishedFrames(trace);
      this.summed = { trace, frames, summary: summarizeTrace(trace, this.nameOf) };
    }
    const { frames, summary } = this.summed;
    const frame = frames.find((number) => number === this.frame) ?? frames.at(-1);
    const waterfall = frame === undefined ? undefined : waterfallOf(trace, frame);
    if (!waterfall) return html`<p class="muted">${strings.waterfall.noFrame}</p>`;
    return html`<p class="sentence">${this.sentence(waterfall)}</p>
      <p class="small muted">${this.rate(summary)}</p>
      <label
        ><span class="small muted">${strings.waterfall.frame(frames.length)}</span>
        <select @change=${(event: Event) => (this.frame = Number((event.target as HTMLSelectElement).value))}>
          ${frames
            .toReversed()
            .map(
              (number) =>
                html`<option value=${number} ?selected=${number === frame}>
                  ${strings.waterfall.frameName(number)}
                </option>`,
            )}
        </select></label
      >
      <p class="legend small">
        ${STAGES.map(
          (stage) =>
            html`<span><span class="swatch ${stage}"></span>${strings.waterfall.stages[stage]}</span>`,
        )}
      </p>
      <pt-waterfall-chart .waterfall=${waterfall} .nameOf=${this.nameOf}></pt-waterfall-chart>
      <details>
        <summary>${strings.waterfall.asTable}</summary>
        <div class="scroll" tabindex="0" role="region" aria-label=${strings.waterfall.asTable}>
          ${this.table(waterfall)}
        </div>
      </details>`;
  }

  private sentence(waterfall: Waterfall): string {
    const slowest = slowestStep(waterfall);
    const latency = formatMs(waterfall.latencyMs);
    if (!slowest) return strings.waterfall.latency(waterfall.frame, latency);
    const { step, ms, part } = slowest;
    return strings.waterfall.slowest({
      frame: waterfall.frame,
      latency,
      what: strings.waterfall.step[step.stage](
        this.nameOf(step.device),
        step.from === undefined ? undefined : this.nameOf(step.from),
      ),
      time: formatMs(ms),
      percent: Math.round(part * 100),
    });
  }

  private rate({ bottleneck, concurrency }: TraceSummary): string {
    const { bound, resource, busy, framesPerSecondAtMost } = bottleneck.rate;
    const what =
      resource.kind === 'link'
        ? strings.waterfall.step.transfer(this.nameOf(resource.to), this.nameOf(resource.from))
        : strings.waterfall.resource[resource.kind](this.nameOf(resource.peer));
    return strings.waterfall.rate[bound]({
      what,
      percent: Math.round(busy * 100),
      rate: formatRate(framesPerSecondAtMost),
      inFlight: concurrency.toFixed(1),
    });
  }

  private table({ rows }: Waterfall) {
    return html`<table class="number small">
      <thead>
        <tr>
          <th scope="col">${strings.waterfall.device}</th>
          ${STAGES.map((stage) => html`<th scope="col">${strings.waterfall.stages[stage]}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ peer, totalMs }) =>
            html`<tr>
              <th scope="row">${this.nameOf(peer)}</th>
              ${STAGES.map((stage) => html`<td>${formatMs(totalMs[stage])}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  private readonly nameOf = (peer: PeerId): string => deviceName(peer, this.room!);

  private take(): void {
    this.frame = undefined;
    this.dispatchEvent(new Event('take-trace', { bubbles: true, composed: true }));
  }

  private download(trace: Trace): void {
    const text = JSON.stringify(chromeTrace(trace, this.nameOf));
    const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${trace.model}-trace.json`;
    link.click();
    // The download has its own hold on the data by then.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-waterfall': WaterfallView;
  }
}
