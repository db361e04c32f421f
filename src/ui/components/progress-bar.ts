import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from './shared-styles.ts';

/**
 * Something that goes on and has an end: a label, a bar, and in words how far it is. Readers of the screen get the words as the
 * bar's value.
 */
@customElement('pt-progress')
export class ProgressBar extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .line {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        column-gap: 1rem;
      }
      progress {
        appearance: none;
        display: block;
        width: 100%;
        height: 0.5rem;
        margin: 0.375rem 0;
        border: none;
        border-radius: 4px;
        background: var(--pt-line);
        overflow: hidden;
      }
      progress::-webkit-progress-bar {
        background: var(--pt-line);
      }
      progress::-webkit-progress-value {
        background: var(--pt-accent);
      }
      progress::-moz-progress-bar {
        background: var(--pt-accent);
      }
    `,
  ];

  @property() label = '';
  @property({ type: Number }) done = 0;
  @property({ type: Number }) total = 0;
  /** How far it is: `31 MB of 59 MB`. */
  @property() amount = '';
  /** Rate and time left, where they are known. */
  @property() outlook = '';

  override render() {
    // An empty whole is done: a bar of 0 of 0 would look like a standstill.
    const [value, max] = this.total > 0 ? [Math.min(this.done, this.total), this.total] : [1, 1];
    return html`<p>${this.label}</p>
      <progress
        aria-label=${this.label}
        aria-valuetext=${[this.amount, this.outlook].filter(Boolean).join(', ')}
        max=${max}
        .value=${value}
      ></progress>
      <p class="line muted small number">
        <span>${this.amount}</span>
        ${this.outlook ? html`<span>${this.outlook}</span>` : nothing}
      </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-progress': ProgressBar;
  }
}
