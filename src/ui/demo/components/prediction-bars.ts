import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';

export interface Bar {
  readonly name: string;
  /** 0 to 1. */
  readonly share: number;
  /** In words: `98 %`. */
  readonly amount: string;
}

/** Shares as bars, the largest one marked. As many rows as there may be are always there, so that nothing jumps. */
@customElement('pt-bars')
export class PredictionBars extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 3.25rem;
        gap: 0 0.75rem;
        min-height: 2.375rem;
      }
      .name {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      li.best .name {
        font-weight: 650;
      }
      .amount {
        text-align: right;
      }
      progress {
        grid-column: 1 / -1;
        appearance: none;
        width: 100%;
        height: 0.5rem;
        border: none;
        border-radius: 4px;
        background: var(--pt-sunken);
        overflow: hidden;
      }
      progress::-webkit-progress-bar {
        background: var(--pt-sunken);
      }
      progress::-webkit-progress-value {
        background: var(--pt-accent);
      }
      progress::-moz-progress-bar {
        background: var(--pt-accent);
      }
    `,
  ];

  @property({ attribute: false }) bars: readonly Bar[] = [];
  @property({ type: Number }) rows = 5;

  override render() {
    const largest = Math.max(0, ...this.bars.map(({ share }) => share));
    const isBest = (bar: Bar | undefined): boolean => largest > 0 && bar?.share === largest;
    const rows = Array.from({ length: Math.max(this.rows, this.bars.length) }, (_, row) => this.bars[row]);
    return html`<ol>
      ${rows.map(
        (bar) =>
          html`<li class=${isBest(bar) ? 'best' : ''} aria-hidden=${bar ? nothing : 'true'}>
            <span class="name" title=${bar?.name ?? nothing}>${bar?.name ?? '\u00a0'}</span>
            <span class="amount number">${bar?.amount ?? ''}</span>
            <progress aria-hidden="true" max="1" .value=${bar?.share ?? 0}></progress>
          </li>`,
      )}
    </ol>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-bars': PredictionBars;
  }
}
