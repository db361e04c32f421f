import { css, html, LitElement, type PropertyValues } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from './shared-styles.ts';

/** One of several views that take turns in one place. */
export interface ViewTab {
  readonly id: string;
  readonly label: string;
}

/**
 * Tabs, and below them the view of the one that is chosen, in the default slot. Arrow keys, Home and End go from tab to tab.
 * @fires choose-view with the id of the tab
 * @slot the chosen view
 */
@customElement('pt-tabs')
export class ViewTabs extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .tabs {
        display: flex;
        gap: 0.25rem;
        overflow-x: auto;
        scrollbar-width: none;
        border-bottom: 1px solid var(--pt-line);
        margin-bottom: 1rem;
      }
      button {
        flex: none;
        border: none;
        border-bottom: 3px solid transparent;
        border-radius: 0;
        background: none;
        color: var(--pt-muted);
        padding: 0.5625rem 0.75rem;
      }
      button[aria-selected='true'] {
        color: var(--pt-text);
        border-bottom-color: var(--pt-accent);
      }
      button:focus-visible {
        outline-offset: -4px;
      }
      @media (max-width: 30rem) {
        .tabs {
          gap: 0;
        }
        button {
          padding: 0.5625rem 0.3125rem;
          font-size: 0.875rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) tabs: readonly ViewTab[] = [];
  @property() chosen = '';
  @property() label = '';

  override render() {
    return html`<div
        class="tabs"
        role="tablist"
        aria-label=${this.label}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      >
        ${this.tabs.map(
          ({ id, label }) =>
            html`<button
              id="tab-${id}"
              role="tab"
              aria-selected=${id === this.chosen}
              aria-controls="panel"
              tabindex=${id === this.chosen ? 0 : -1}
              @click=${() => this.choose(id)}
            >
              ${label}
            </button>`,
        )}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby="tab-${this.chosen}"><slot></slot></div>`;
  }

  /** On a narrow screen it may lie beyond the edge. */
  protected override updated(changed: PropertyValues): void {
    if (!changed.has('chosen')) return;
    this.renderRoot
      .querySelector(`#tab-${this.chosen}`)
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.tabs.findIndex(({ id }) => id === this.chosen);
    const count = this.tabs.length;
    const targets: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % count,
      ArrowLeft: (at + count - 1) % count,
      Home: 0,
      End: count - 1,
    };
    const to = targets[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { id } = this.tabs[to]!;
    this.choose(id);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${id}`)?.focus());
  }

  private choose(detail: string): void {
    this.dispatchEvent(new CustomEvent('choose-view', { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-tabs': ViewTabs;
  }
}
