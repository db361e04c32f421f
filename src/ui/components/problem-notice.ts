import { html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Problem } from '../problem.ts';
import { errorTexts, strings } from '../strings.ts';
import { noticeStyles } from './notice-styles.ts';
import { sharedStyles } from './shared-styles.ts';

/** An error in words: what happened, what to do, and the exact message to pass on. */
@customElement('pt-problem')
export class ProblemNotice extends LitElement {
  static override styles = [sharedStyles, noticeStyles];

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
