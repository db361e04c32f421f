import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import '../../components/progress-bar.ts';
import { sharedStyles } from '../../components/shared-styles.ts';
import { formatBytes } from '../../format.ts';
import { httpsStrings, liveStrings, strings } from '../../strings.ts';
import type { LiveState } from '../live-state.ts';
import './notice.ts';
import { liveNotice } from './notice.ts';

/**
 * What is waited for, who computes, and what went wrong.
 * @fires retry-wished
 */
@customElement('pt-live-status')
export class LiveStatus extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .line {
        min-height: 1.5em;
      }
      .retry {
        margin-top: 0.75rem;
      }
      pt-notice,
      pt-progress {
        margin-top: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) live: LiveState | undefined;
  @property({ type: Boolean }) ready = false;
  /** Where the server can be trusted: the way to a camera for a page over plain http. */
  @property({ attribute: false }) trustUrl: string | undefined;

  override render() {
    if (!this.live) return nothing;
    const { doing, problem, network } = this.live;
    return html`<p class="line small muted" role="status" aria-live="polite">${this.line(this.live)}</p>
      ${
        doing?.step === 'loading' && doing.totalBytes > 0
          ? html`<pt-progress
              label=${liveStrings.weights}
              .done=${doing.loadedBytes}
              .total=${doing.totalBytes}
              amount=${strings.loadedOf(formatBytes(doing.loadedBytes), formatBytes(doing.totalBytes))}
            ></pt-progress>`
          : nothing
      }
      ${network?.isRandom ? html`<p class="small wait">${liveStrings.random}</p>` : nothing}
      ${
        problem
          ? html`<pt-notice role="alert" .text=${liveNotice(problem)}>
              ${
                problem.camera === 'insecure' && this.trustUrl !== undefined
                  ? html`<p><a href=${this.trustUrl}>${httpsStrings.noticeLink}</a></p>`
                  : nothing
              }
              ${
                problem.where === 'network'
                  ? html`<p class="retry">
                      <button @click=${() => this.retry()}>${liveStrings.retry}</button>
                    </p>`
                  : nothing
              }
            </pt-notice>`
          : nothing
      }`;
  }

  private line({ doing, plan, gone }: LiveState): string {
    if (!this.ready) return liveStrings.notReady;
    if (doing) return liveStrings.doing[doing.step];
    const sentences = [
      ...(gone ? [liveStrings.gone[gone.how](gone.name)] : []),
      ...(plan ? [strings.plan.planned(plan.devices, plan.offeredCount)] : []),
    ];
    return sentences.join(' ');
  }

  private retry(): void {
    this.dispatchEvent(new Event('retry-wished'));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-live-status': LiveStatus;
  }
}
