import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { noticeStyles } from '../../components/notice-styles.ts';
import { sharedStyles } from '../../components/shared-styles.ts';
import { asksElsewhere, errorTexts, liveStrings, strings } from '../../strings.ts';
import type { LiveProblem } from '../live-state.ts';

export interface NoticeText {
  readonly what: string;
  readonly todo: string;
  /** The exact message, to pass on. */
  readonly detail?: string;
}

/** What went wrong, in words, and what to do about it. */
@customElement('pt-notice')
export class Notice extends LitElement {
  static override styles = [
    sharedStyles,
    noticeStyles,
    css`
      .detail {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) text: NoticeText | undefined;

  override render() {
    if (!this.text) return nothing;
    const { what, todo, detail } = this.text;
    return html`<div class="notice">
      <p class="what">${what}</p>
      <p>${strings.whatToDo} ${todo}</p>
      ${detail === undefined ? nothing : html`<p class="detail small muted">${detail}</p>`}
      <slot></slot>
    </div>`;
  }
}

/** The words for what went wrong while something was shown. */
export function liveNotice({ where, problem, camera }: LiveProblem): NoticeText {
  const detail = `${problem.code}: ${problem.message}`;
  if (camera) return { ...liveStrings.cameraProblems[camera], detail };
  const { problems } = liveStrings;
  if (where === 'source' || where === 'labels') return { ...problems[where], detail };
  const { what, todo } = errorTexts[problem.code];
  return { what, todo: todo === asksElsewhere ? problems[where].todo : todo, detail };
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-notice': Notice;
  }
}
