import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Member } from '../../mesh/mesh.ts';
import { shortId } from '../../shared/ids.ts';
import { formatBytes } from '../format.ts';
import type { RoomState } from '../peer-state.ts';
import { problemOf } from '../problem.ts';
import { errorTexts, strings } from '../strings.ts';
import { sharedStyles } from './shared-styles.ts';

const tone: Record<Member['state'], string> = {
  announced: 'muted',
  connecting: 'wait',
  connected: 'good',
  failed: 'bad',
};

/** The other devices of the room: what they are, and whether there is a connection to them. */
@customElement('pt-members')
export class MembersCard extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      li {
        padding: 0.625rem 0;
        border-top: 1px solid var(--pt-line);
      }
      li:first-child {
        border-top: none;
        padding-top: 0;
      }
      li:last-child {
        padding-bottom: 0;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        column-gap: 1rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const members = [...this.room.members.values()];
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.members}</h2>
      ${
        members.length === 0
          ? html`<p class="muted">${strings.noMembers}</p>`
          : html`<ul>
              ${members.map((member) => this.member(member))}
            </ul>`
      }
    </section>`;
  }

  private member(member: Member) {
    const isReconnecting = member.state === 'connected' && member.reconnecting === true;
    const name = member.state === 'connected' ? member.capabilities.name : strings.unnamed;
    return html`<li>
      <p class="row">
        <span>${name} <span class="mono muted">${shortId(member.id)}</span></span>
        <span class="small ${isReconnecting ? tone.connecting : tone[member.state]}"
          >${isReconnecting ? strings.reconnecting : strings.memberState[member.state]}</span
        >
      </p>
      ${this.detail(member)}
    </li>`;
  }

  private detail(member: Member) {
    switch (member.state) {
      case 'announced':
      case 'connecting':
        return nothing;
      case 'connected': {
        const { engine, memoryBytes, serves } = member.capabilities;
        return html`<p class="muted small number">
          ${serves ? `${engine}, ${formatBytes(memoryBytes)}` : strings.asks}
        </p>`;
      }
      case 'failed': {
        const { code, message } = problemOf(member.error);
        const { what, todo } = errorTexts[code];
        return html`<p class="small">${what} ${todo}</p>
          <p class="small muted"><span class="mono">${code}</span> ${message}</p>`;
      }
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-members': MembersCard;
  }
}
