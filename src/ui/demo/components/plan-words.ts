import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { tableStyles } from '../../components/table-styles.ts';
import { formatMs, formatRate } from '../../format.ts';
import type { RoomPlan } from '../../room-plan.ts';
import { strings } from '../../strings.ts';
import type { LiveState } from '../live-state.ts';

/** The plan that runs, in words: what it is better by, expected beside measured, and who has nothing to do in it. */
@customElement('pt-plan-words')
export class PlanWords extends LitElement {
  static override styles = [
    sharedStyles,
    tableStyles,
    css`
      .body {
        margin-top: 0.75rem;
      }
      .body > * + * {
        margin-top: 0.625rem;
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
      li + li {
        margin-top: 0.25rem;
      }
      li {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) live: LiveState | undefined;

  override render() {
    const plan = this.live?.plan;
    return html`<details>
      <summary>${strings.plan.title}</summary>
      <div class="body">
        ${plan ? this.words(plan) : html`<p class="small muted">${strings.plan.none}</p>`}
      </div>
    </details>`;
  }

  private words({ devices, offeredCount, expected, window, leftOut }: RoomPlan) {
    const rates = this.live?.rates;
    const figure = (value: number | undefined, format: (value: number) => string): string =>
      value === undefined ? '–' : format(value);
    return html`<p>
        ${strings.plan.planned(devices, offeredCount)}
        ${
          expected?.gain !== undefined && devices.length > 1
            ? strings.plan.gain(expected.gain)
            : offeredCount === 1
              ? strings.plan.alone
              : devices.length === 1
                ? strings.plan.solo
                : nothing
        }
      </p>
      <table class="number">
        <thead>
          <tr class="small muted">
            <td></td>
            <th scope="col">${strings.plan.expected}</th>
            <th scope="col">${strings.plan.measured}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">${strings.plan.latency}</th>
            <td>${figure(expected?.latencyMs, formatMs)}</td>
            <td>${figure(rates?.latencyMs, formatMs)}</td>
          </tr>
          <tr>
            <th scope="row">${strings.plan.rate(window)}</th>
            <td>${figure(expected?.framesPerSecond, formatRate)}</td>
            <td>${figure(rates?.framesPerSecond, formatRate)}</td>
          </tr>
        </tbody>
      </table>
      ${
        leftOut.length > 0
          ? html`<h3>${strings.plan.leftOut}</h3>
              <ul class="small">
                ${leftOut.map(({ name, why }) => html`<li><strong>${name}</strong>: ${why}</li>`)}
              </ul>`
          : nothing
      }`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-plan-words': PlanWords;
  }
}
