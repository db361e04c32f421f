import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { digitSamples } from '../digit-samples.ts';
import { formatBytes, formatMs, formatRate } from '../format.ts';
import type { RoomState } from '../peer-state.ts';
import { asksElsewhere, errorTexts, strings } from '../strings.ts';
import type { TrialAnswer, TrialPlan, TrialState } from '../trial-state.ts';
import './problem-notice.ts';
import './progress-bar.ts';
import { sharedStyles } from './shared-styles.ts';
import { tableStyles } from './table-styles.ts';

/**
 * Lets this page ask the room: a button, the plan that was chosen, each picture with its answer, measured beside expected.
 * @fires try-room when the button is pressed
 */
@customElement('pt-try')
export class TryCard extends LitElement {
  static override styles = [
    sharedStyles,
    tableStyles,
    css`
      .card > * + * {
        margin-top: 0.75rem;
      }
      .ask {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 1rem;
      }
      .pictures {
        display: grid;
        grid-template-columns: repeat(4, minmax(0, 1fr));
        gap: 0.625rem;
      }
      .pictures li {
        text-align: center;
      }
      img {
        display: block;
        width: 100%;
        aspect-ratio: 1;
        object-fit: contain;
        background: #fff;
        border: 1px solid var(--pt-line);
        border-radius: 8px;
      }
      @media (min-width: 30rem) {
        .pictures {
          grid-template-columns: repeat(6, minmax(0, 1fr));
        }
      }
      .answer {
        font-size: 1.25rem;
        font-weight: 650;
        line-height: 1.3;
        margin-top: 0.25rem;
      }
      th,
      td {
        white-space: nowrap;
      }
      tbody th {
        white-space: normal;
      }
      tbody td {
        font-weight: 650;
      }
      .left-out li + li {
        margin-top: 0.25rem;
      }
      .left-out {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { trial } = this.room;
    const { doing, plan, answers, problem } = trial;
    const isReady = this.room.self !== undefined && this.room.engine.state === 'ready';
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.trial.title}</h2>
      <p class="muted">${strings.trial.explain(digitSamples.length)}</p>
      <div class="ask">
        <button aria-disabled=${!isReady || doing !== undefined} @click=${() => this.ask(isReady)}>
          ${answers.length > 0 && !doing ? strings.trial.again : strings.trial.ask}
        </button>
        <p class="small muted" role="status" aria-live="polite">
          ${isReady ? this.status(trial) : strings.trial.notReady}
        </p>
      </div>
      ${
        doing?.step === 'loading' && doing.totalBytes > 0
          ? html`<pt-progress
              label=${strings.trial.loading}
              .done=${doing.loadedBytes}
              .total=${doing.totalBytes}
              amount=${strings.loadedOf(formatBytes(doing.loadedBytes), formatBytes(doing.totalBytes))}
            ></pt-progress>`
          : nothing
      }
      ${
        problem
          ? html`<pt-problem
              role="alert"
              .problem=${problem}
              .todo=${errorTexts[problem.code].todo === asksElsewhere ? strings.trial.tryAgain : undefined}
            ></pt-problem>`
          : nothing
      }
      ${
        answers.length > 0
          ? html`<ul class="pictures">
              ${answers.map((answer) => this.picture(answer))}
            </ul>`
          : nothing
      }
      ${plan ? this.plan(plan, trial) : nothing}
    </section>`;
  }

  private ask(isReady: boolean): void {
    if (!isReady || this.room?.trial.doing) return;
    this.dispatchEvent(new Event('try-room', { bubbles: true, composed: true }));
  }

  private status({ doing, answers, isDone }: TrialState): string {
    if (doing) return strings.trial.doing[doing.step];
    if (!isDone) return '';
    const right = answers.filter(({ answer, shown }) => answer === shown).length;
    return strings.trial.right(right, answers.length);
  }

  private picture({ url, shown, answer, score }: TrialAnswer) {
    const isRight = answer === shown;
    return html`<li>
      <img src=${url} alt=${strings.trial.picture(shown)} />
      <p class="answer number ${isRight ? '' : 'bad'}">${answer}</p>
      <p class="small ${isRight ? 'muted' : 'bad'} number">
        ${isRight ? strings.trial.sure(score) : strings.trial.wrong}
      </p>
    </li>`;
  }

  private plan({ devices, offeredCount, expected, window, leftOut }: TrialPlan, { measured }: TrialState) {
    const figure = (value: number | undefined, format: (value: number) => string): string =>
      value === undefined ? '–' : format(value);
    return html`<p>
        ${strings.trial.planned(devices, offeredCount)}
        ${
          expected?.gain !== undefined && devices.length > 1
            ? strings.trial.gain(expected.gain)
            : offeredCount === 1
              ? strings.trial.alone
              : devices.length === 1
                ? strings.trial.solo
                : nothing
        }
      </p>
      <table class="number">
        <thead>
          <tr class="small muted">
            <td></td>
            <th scope="col">${strings.trial.expected}</th>
            <th scope="col">${strings.trial.measured}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">${strings.trial.latency}</th>
            <td>${figure(expected?.latencyMs, formatMs)}</td>
            <td>${figure(measured?.latencyMs, formatMs)}</td>
          </tr>
          <tr>
            <th scope="row">${strings.trial.rate(window)}</th>
            <td>${figure(expected?.framesPerSecond, formatRate)}</td>
            <td>${figure(measured?.framesPerSecond, formatRate)}</td>
          </tr>
        </tbody>
      </table>
      ${
        leftOut.length > 0
          ? html`<h3>${strings.trial.leftOut}</h3>
              <ul class="left-out small">
                ${leftOut.map(({ name, why }) => html`<li><strong>${name}</strong>: ${why}</li>`)}
              </ul>`
          : nothing
      }`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-try': TryCard;
  }
}
