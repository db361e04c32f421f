import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Objective } from '../../planner/choice.ts';
import type { PeerId } from '../../shared/ids.ts';
import '../components/problem-notice.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { tableStyles } from '../components/table-styles.ts';
import { deviceName } from '../device-name.ts';
import { formatMs, formatRate } from '../format.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import type { AskedSession, PlanWish } from './asked-state.ts';
import './network-strip.ts';
import type { PlanAnswer } from './plan-preview.ts';
import { peersInOrder, stripOf } from './strip.ts';

type WishKind = 'latency' | 'throughput';

/**
 * Another objective, or fewer devices: what the best plan would do then, before it is used.
 * @fires preview-plan, apply-plan with the wish
 */
@customElement('pt-plan-preview')
export class PlanPreviewCard extends LitElement {
  static override styles = [
    sharedStyles,
    tableStyles,
    css`
      .card > * + * {
        margin-top: 0.75rem;
      }
      fieldset {
        border: none;
        margin: 0;
        padding: 0;
        min-width: 0;
      }
      legend {
        padding: 0;
        color: var(--pt-muted);
        font-size: 0.875rem;
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 0 1.25rem;
      }
      .choices label {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        min-height: 2.75rem;
      }
      .choices input {
        width: 1.25rem;
        min-height: 1.25rem;
        accent-color: var(--pt-accent);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 1rem;
      }
      .answer {
        min-height: 6rem;
      }
      .answer > * + * {
        margin-top: 0.5rem;
      }
      table {
        max-width: 32rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;
  @property({ attribute: false }) asked: AskedSession | undefined;
  /** What differs from the wish that holds; undefined: nothing yet. */
  @state() private kind: WishKind | undefined;
  @state() private without: readonly PeerId[] | undefined;

  override render() {
    if (!this.room || !this.asked) return nothing;
    const { candidates, isOpen, preview } = this.asked;
    const wish = this.wish(this.asked);
    const isBusy = preview?.state === 'computing';
    const mayAsk = isOpen && !isBusy && wish.without.length < candidates.length;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.preview.title}</h2>
      ${isOpen ? nothing : html`<p class="muted">${strings.preview.closed}</p>`}
      <fieldset>
        <legend>${strings.preview.objective}</legend>
        <div class="choices">
          ${(['latency', 'throughput'] as const).map(
            (kind) =>
              html`<label
                ><input
                  type="radio"
                  name="objective"
                  .checked=${wish.objective.kind === kind}
                  @change=${() => (this.kind = kind)}
                />${strings.preview.objectives[kind]}</label
              >`,
          )}
        </div>
      </fieldset>
      <fieldset>
        <legend>${strings.preview.devices}</legend>
        <div class="choices">
          ${candidates.map(
            ({ id, name }) =>
              html`<label
                ><input
                  type="checkbox"
                  .checked=${!wish.without.includes(id)}
                  @change=${(event: Event) => this.use(id, (event.target as HTMLInputElement).checked, wish)}
                />${name}</label
              >`,
          )}
        </div>
      </fieldset>
      <p class="buttons">
        <button
          class="quiet"
          aria-disabled=${!mayAsk}
          @click=${() => mayAsk && this.tell('preview-plan', wish)}
        >
          ${strings.preview.ask}
        </button>
        <span class="small muted" role="status">${isBusy ? strings.preview.computing : ''}</span>
      </p>
      <div class="answer">
        ${
          preview?.state === 'failed'
            ? html`<pt-problem role="alert" .problem=${preview.problem}></pt-problem>`
            : preview?.state === 'ready'
              ? this.answer(preview.answer, preview.wish)
              : html`<p class="muted small">${strings.preview.explain}</p>`
        }
      </div>
    </section>`;
  }

  private answer({ plan, expected, running, gain, leftOut }: PlanAnswer, wish: PlanWish) {
    const { graph, isOpen, plan: current } = this.asked!;
    const peers = peersInOrder(plan);
    // Devices keep their numbers and colours.
    const numbered = [...new Set([...peersInOrder(current), ...peers])];
    const isSame = JSON.stringify(plan.segments) === JSON.stringify(current.segments);
    const row = (name: string, value: (of: typeof expected) => string) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${running ? value(running) : '–'}</td>
        <td>${value(expected)}</td>
      </tr>`;
    return html`<p role="status">
        ${isSame ? strings.preview.same : gain === undefined ? nothing : strings.preview.gain(gain)}
        ${strings.plan.planned(
          peers.map((peer) => deviceName(peer, this.room!)),
          peers.length,
        )}
      </p>
      <table class="number">
        <thead>
          <tr class="small muted">
            <td></td>
            <th scope="col">${strings.preview.now}</th>
            <th scope="col">${strings.preview.then}</th>
          </tr>
        </thead>
        <tbody>
          ${row(strings.preview.latency, ({ latencyMs }) => formatMs(latencyMs))}
          ${row(strings.preview.rate, ({ framesPerSecond }) => formatRate(framesPerSecond))}
        </tbody>
      </table>
      <pt-network-strip
        compact
        .strip=${stripOf(graph, plan)}
        .peers=${numbered}
        label=${strings.network.summary(graph.nodes.length, peers.length)}
      ></pt-network-strip>
      ${
        leftOut.length > 0
          ? html`<ul class="small muted">
              ${leftOut.map(
                ({ peer, explanation }) => html`<li>${deviceName(peer, this.room!)}: ${explanation}.</li>`,
              )}
            </ul>`
          : nothing
      }
      <p>
        <button aria-disabled=${!isOpen} @click=${() => isOpen && this.tell('apply-plan', wish)}>
          ${strings.preview.apply}
        </button>
      </p>`;
  }

  private wish({ wish }: AskedSession): PlanWish {
    const objective: Objective =
      this.kind === undefined || this.kind === wish.objective.kind ? wish.objective : { kind: this.kind };
    return { objective, without: this.without ?? wish.without };
  }

  private use(id: PeerId, isUsed: boolean, { without }: PlanWish): void {
    this.without = isUsed ? without.filter((other) => other !== id) : [...without, id];
  }

  private tell(type: 'preview-plan' | 'apply-plan', detail: PlanWish): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-plan-preview': PlanPreviewCard;
  }
}
