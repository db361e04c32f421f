import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Problem } from '../problem.ts';
import { errorTexts, strings } from '../strings.ts';
import { sharedStyles } from './shared-styles.ts';

/** An error in words: what happened, what to do, and the exact message to pass on. */
@customElement('pt-problem')
export class ProblemNotice extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .notice {
        border-left: 4px solid var(--pt-bad);
        border-radius: 6px;
        background: var(--pt-bad-surface);
        padding: 0.75rem 1rem;
      }
      .what {
        font-weight: 600;
      }
      .detail {
        margin-top: 0.375rem;
      }
    `,
  ];

  @property({ attribute: false }) problem: Problem | undefined;
  /** In place of what the code suggests, where more is known. */
  @property({ attribute: false }) todo: string | undefined;

  override render() {
    if (!this.problem) return nothing;
    const { code, message } = this.problem;
    const { what, todo } = errorTexts[code];
    return html`<div class="notice">
      <p class="what">${what}</p>
      <p>${strings.whatToDo} ${this.todo ?? todo}</p>
      <p class="detail small muted"><span class="mono">${code}</span> ${message}</p>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-problem': ProblemNotice;
  }
}
