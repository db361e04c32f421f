import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../components/shared-styles.ts';
import type { RoomState } from '../peer-state.ts';
import { httpsStrings, strings } from '../strings.ts';
import type { CheckState } from '../worded-states.ts';
import { preflight } from './preflight.ts';

const mark: Record<CheckState, string> = { done: '✓', doing: '…', waiting: '·', warning: '!', failed: '✗' };
const tone: Record<CheckState, string> = {
  done: 'good',
  doing: 'wait',
  waiting: 'muted',
  warning: 'wait',
  failed: 'bad',
};

/** What this device is and has for its part of the work, in words; what its browser lacks, and how to get it. */
@customElement('pt-preflight')
export class PreflightList extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      li {
        display: grid;
        grid-template-columns: 1.25rem minmax(5.5rem, 7rem) minmax(0, 1fr);
        gap: 0 0.5rem;
        padding: 0.25rem 0;
      }
      .mark {
        font-weight: 700;
      }
      .text {
        overflow-wrap: anywhere;
      }
      .notes {
        margin-top: 0.75rem;
        padding-top: 0.75rem;
        border-top: 1px solid var(--pt-line);
      }
      .notes ul {
        margin-top: 0.25rem;
      }
      .notes li {
        display: list-item;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { engine, device } = this.room;
    const refused = engine.state === 'choosing' ? [] : engine.refused;
    return html`<ul>
        ${preflight(this.room).map(
          ({ state, title, text }) =>
            html`<li>
              <span class="mark ${tone[state]}" role="img" aria-label=${strings.checkState[state]}
                >${mark[state]}</span
              >
              <span class="muted">${title}</span>
              <span class="text number">${text}</span>
            </li>`,
        )}
      </ul>
      ${
        device.missing.length > 0
          ? html`<div class="notes small">
              <h3 class="muted small">${strings.missingTitle}</h3>
              <ul>
                ${device.missing.map(
                  (feature) =>
                    html`<li>
                      ${strings.missing[feature]}
                      ${
                        feature === 'secure-context' && device.trustUrl !== undefined
                          ? html`<a href=${device.trustUrl}>${httpsStrings.noticeLink}</a>`
                          : nothing
                      }
                    </li>`,
                )}
              </ul>
            </div>`
          : nothing
      }
      ${
        refused.length > 0
          ? html`<div class="notes small">
              <h3 class="muted small">${strings.refusedEngines}</h3>
              <ul>
                ${refused.map(({ name, reason }) => html`<li><strong>${name}</strong>: ${reason}</li>`)}
              </ul>
            </div>`
          : nothing
      }`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-preflight': PreflightList;
  }
}
