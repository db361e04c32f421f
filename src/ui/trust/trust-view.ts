import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../components/shared-styles.ts';
import { qrPath } from '../https/qr.ts';
import { strings, trustStrings } from '../strings.ts';
import { unreachable } from '../../shared/errors.ts';
import { PLATFORMS, type Platform } from './platform.ts';
import type { TrustState } from './trust-state.ts';

type WithAuthority = Extract<TrustState['server'], { state: 'authority' }>;

/** The page `/trust`: why and how a device trusts this server, by system, and what it gets for it. */
@customElement('pt-trust')
export class TrustView extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .frame {
        max-width: 46rem;
        margin: 0 auto;
        padding: 1rem;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0 0.875rem;
        padding: 0.25rem 0 1rem;
      }
      h1 {
        font-size: 1.25rem;
      }
      main,
      .card {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
      }
      .card > h2 {
        margin: 0;
        font-size: 1.375rem;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.75rem 1.25rem;
      }
      /* Two lines, so that nothing moves when the answer is there. */
      .answer {
        min-height: 3rem;
      }
      ol {
        margin: 0.75rem 0 0;
        padding-left: 1.5rem;
      }
      li + li {
        margin-top: 0.5rem;
      }
      details + details {
        margin-top: 0.75rem;
      }
      svg {
        display: block;
        width: min(100%, 13rem);
        background: #ffffff;
        border: 1px solid var(--pt-line);
        border-radius: 6px;
      }
    `,
  ];

  @property({ attribute: false }) state: TrustState = { platform: undefined, server: { state: 'asking' } };

  override render() {
    return html`<div class="frame">
      <header>
        <h1>${strings.title}</h1>
        <p class="muted small">${trustStrings.title}</p>
      </header>
      <main>${this.view()}</main>
    </div>`;
  }

  private view() {
    const { server } = this.state;
    switch (server.state) {
      case 'asking':
        return html`<p class="muted">${trustStrings.asking}</p>`;
      case 'silent':
        return html`<section class="card" aria-labelledby="title">
          <h2 id="title">${trustStrings.silentTitle}</h2>
          <p>${trustStrings.silent}</p>
        </section>`;
      case 'no-authority':
        return html`<section class="card" aria-labelledby="title">
          <h2 id="title">${trustStrings.noneTitle}</h2>
          <p>${trustStrings.none}</p>
        </section>`;
      case 'authority':
        return html`${this.verdict(server)} ${this.steps()} ${this.about(server)}`;
      default:
        return unreachable(server);
    }
  }

  private verdict({ isTrusted, isCovered, elsewhere, room, plainRoom }: WithAuthority) {
    const { trusted, untrusted, finding, openRoom, openPlain, openPage, otherAddress } = trustStrings;
    if (!isCovered && !isTrusted) {
      return html`<section class="card" aria-labelledby="title">
        <h2 id="title">${otherAddress.title}</h2>
        <p>${elsewhere === undefined ? otherAddress.none : otherAddress.explain}</p>
        ${elsewhere === undefined ? nothing : html`<p><a class="button" href=${elsewhere}>${withoutHash(elsewhere)}</a></p>`}
      </section>`;
    }
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${isTrusted ? trusted.title : untrusted.title}</h2>
      <p class="answer" role="status">
        ${isTrusted === undefined ? finding : isTrusted ? trusted.explain : untrusted.explain}
      </p>
      <p class="actions">
        ${
          isTrusted
            ? html`<a class="button" href=${room ?? '/'}>${room === undefined ? openPage : openRoom}</a>`
            : plainRoom === undefined
              ? nothing
              : html`<a href=${plainRoom}>${openPlain}</a>`
        }
      </p>
    </section>`;
  }

  private steps() {
    const { platform } = this.state;
    const others = PLATFORMS.filter((each) => each !== platform);
    return html`<section class="card" aria-labelledby="how">
      <h2 id="how">${trustStrings.how}</h2>
      ${
        platform
          ? html`<div>
              <h3>${trustStrings.platforms[platform].name}</h3>
              ${this.stepsOf(platform)}
            </div>`
          : nothing
      }
      <div>
        ${others.map(
          (each) =>
            html`<details ?open=${platform === undefined && each === 'android'}>
              <summary>${trustStrings.platforms[each].name}</summary>
              ${this.stepsOf(each)}
            </details>`,
        )}
      </div>
    </section>`;
  }

  private stepsOf(platform: Platform) {
    const { download, file, steps } = trustStrings.platforms[platform];
    return html`<ol>
      <li><a href="/trust/${file}">${download}</a></li>
      ${steps.map((step) => html`<li>${step}</li>`)}
    </ol>`;
  }

  private about({ authority, elsewhere }: WithAuthority) {
    const { about } = trustStrings;
    return html`<section class="card" aria-labelledby="about">
      <h2 id="about">${about.title}</h2>
      <p>${about.explain}</p>
      <dl class="facts">
        <dt>${about.name}</dt>
        <dd>${authority.name}</dd>
        <dt>${about.until}</dt>
        <dd class="number">${authority.notAfter.slice(0, 10)}</dd>
        <dt>${about.fingerprint}</dt>
        <dd class="mono">${breakable(authority.fingerprint)}</dd>
      </dl>
      <p class="small muted">${about.compare}</p>
      <p>${about.undo}</p>
      ${
        elsewhere === undefined
          ? nothing
          : html`<h3>${about.otherDevice}</h3>
              <p class="small"><a href=${elsewhere}>${withoutHash(elsewhere)}</a></p>
              ${this.code(elsewhere)}`
      }
    </section>`;
  }

  private code(text: string) {
    const { path, size } = qrPath(text);
    return svg`<svg role="img" aria-label=${trustStrings.about.qrLabel} viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
      <path d=${path} fill="#000000"></path>
    </svg>`;
  }
}

/** Lines end between bytes. */
const breakable = (fingerprint: string) =>
  fingerprint.split(':').map((byte, index) => (index === 0 ? byte : html`:<wbr />${byte}`));

const withoutHash = (url: string): string => url.split('#', 1)[0]!;

declare global {
  interface HTMLElementTagNameMap {
    'pt-trust': TrustView;
  }
}
