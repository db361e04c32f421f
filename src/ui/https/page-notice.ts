import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../components/shared-styles.ts';

/** A sentence above the page, about the page itself, with a link where one helps. */
@customElement('pt-page-notice')
export class PageNotice extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      aside {
        max-width: 70rem;
        margin: 0 auto;
        padding: 0.75rem 1rem;
        border-bottom: 1px solid var(--pt-line);
      }
      @media (min-width: 52rem) {
        aside {
          padding: 0.75rem 1.5rem;
        }
      }
    `,
  ];

  /** What it is about, for readers of the screen. */
  @property() label = '';
  @property() text = '';
  @property() href = '';
  @property() linkText = '';

  override render() {
    return html`<aside class="small" aria-label=${this.label} aria-live="polite">
      ${this.text} ${this.href ? html`<a href=${this.href}>${this.linkText}</a>` : nothing}
    </aside>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-page-notice': PageNotice;
  }
}
