import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { isNetworkName, NETWORK_NAMES } from '../../../models/presets.ts';
import { sharedStyles } from '../../components/shared-styles.ts';
import { formatCount } from '../../format.ts';
import { liveStrings } from '../../strings.ts';
import type { LiveState } from '../live-state.ts';
import { choiceTitle, type ModelChoice } from '../model-choice.ts';
import type { ServedModel } from '../served-models.ts';
import { formStyles } from './form-styles.ts';

/** What the list says of a choice. */
const keyOf = (choice: ModelChoice): string => {
  switch (choice.kind) {
    case 'bundled':
    case 'url':
    case 'files':
      return choice.kind;
    case 'served':
      return `served:${choice.path}`;
    case 'preset':
      return `preset:${choice.name}`;
  }
};

/**
 * Chooses a network: the bundled one, one of the server, a well-known one, any address or files.
 * @fires model-wished with a `ModelChoice` as `detail`
 * @fires labels-wished with a `File` as `detail`
 */
@customElement('pt-model-picker')
export class ModelPicker extends LitElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .body {
        display: grid;
        gap: 0.75rem;
        margin-top: 0.75rem;
      }
      form {
        display: grid;
        gap: 0.5rem;
      }
      .address {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) live: LiveState | undefined;
  @property({ attribute: false }) served: readonly ServedModel[] = [];
  /** Offers to name the classes of the network. */
  @property({ attribute: false }) withLabels = true;
  /** What the list shows, where that has still to be filled in. */
  @state() private key: string | undefined;

  override render() {
    if (!this.live) return nothing;
    const { choice, network } = this.live;
    const key = this.key ?? keyOf(choice);
    return html`<details>
      <summary>${liveStrings.networkIs(network?.name ?? choiceTitle(choice))}</summary>
      <div class="body">
        <label class="field">
          ${liveStrings.network}
          <select @change=${(event: Event) => this.picked((event.target as HTMLSelectElement).value)}>
            ${this.option('bundled', liveStrings.bundled, key)}
            ${
              this.served.length > 0
                ? html`<optgroup label=${liveStrings.served}>
                    ${this.served.map(({ name, path }) => this.option(`served:${path}`, name, key))}
                  </optgroup>`
                : nothing
            }
            <optgroup label=${liveStrings.presets}>
              ${NETWORK_NAMES.map((name) => this.option(`preset:${name}`, name, key))}
            </optgroup>
            <optgroup label=${liveStrings.elsewhere}>
              ${this.option('url', liveStrings.byAddress, key)}
              ${this.option('files', liveStrings.byFiles, key)}
            </optgroup>
          </select>
        </label>
        ${this.more(key)}
        ${
          network
            ? html`<p class="small muted">
                ${liveStrings.facts(network.inputShape, formatCount(network.macs))}
                ${liveStrings.reads[network.reading]}
              </p>`
            : nothing
        }
        ${
          this.withLabels && network && network.classes > 0
            ? this.fileField(liveStrings.labelsFile, '.txt,.json,.csv', false, ([file]) =>
                this.send('labels-wished', file),
              )
            : nothing
        }
      </div>
    </details>`;
  }

  private option(key: string, text: string, chosen: string) {
    return html`<option value=${key} ?selected=${key === chosen}>${text}</option>`;
  }

  /** What an address, files and networks without weights take besides. */
  private more(key: string) {
    if (key === 'url') {
      const { choice } = this.live!;
      return html`<form @submit=${(event: SubmitEvent) => this.submitted(event)}>
        <label for="address">${liveStrings.address}</label>
        <div class="address">
          <input
            id="address"
            name="address"
            required
            autocomplete="url"
            spellcheck="false"
            aria-describedby="address-explain"
            .value=${choice.kind === 'url' ? choice.url : ''}
          />
          <button>${liveStrings.use}</button>
        </div>
        <p class="small muted" id="address-explain">${liveStrings.addressExplain}</p>
      </form>`;
    }
    if (key === 'files') {
      // Files of weights often have no ending that a browser could go by.
      return this.fileField(liveStrings.modelFiles, undefined, true, (files) =>
        this.choose({ kind: 'files', files }),
      );
    }
    const name = key.startsWith('preset:') ? key.slice('preset:'.length) : '';
    if (!isNetworkName(name)) return nothing;
    const { choice } = this.live!;
    const file = choice.kind === 'preset' && choice.name === name ? choice.weights?.name : undefined;
    return html`<p class="small">
        ${file === undefined ? liveStrings.randomPreset(name) : liveStrings.filePreset(name, file)}
      </p>
      ${this.fileField(liveStrings.weightsFile, '.safetensors,.h5,.hdf5', false, ([weights]) =>
        this.choose({ kind: 'preset', name, weights: weights! }),
      )}`;
  }

  private fileField(
    label: string,
    accept: string | undefined,
    multiple: boolean,
    use: (files: File[]) => void,
  ) {
    return html`<label class="field">
      ${label}
      <input
        type="file"
        accept=${accept ?? nothing}
        ?multiple=${multiple}
        @change=${(event: Event) => {
          const files = [...((event.target as HTMLInputElement).files ?? [])];
          if (files.length > 0) use(files);
        }}
      />
    </label>`;
  }

  private picked(key: string): void {
    this.key = key;
    const served = this.served.find(({ path }) => key === `served:${path}`);
    const preset = key.startsWith('preset:') ? key.slice('preset:'.length) : '';
    if (key === 'bundled') this.choose({ kind: 'bundled' });
    else if (served) this.choose({ kind: 'served', ...served });
    else if (isNetworkName(preset)) this.choose({ kind: 'preset', name: preset });
  }

  private submitted(event: SubmitEvent): void {
    event.preventDefault();
    const address = new FormData(event.target as HTMLFormElement).get('address');
    if (typeof address === 'string' && address.trim() !== '') {
      this.choose({ kind: 'url', url: address.trim() });
    }
  }

  private choose(choice: ModelChoice): void {
    this.key = undefined;
    this.send('model-wished', choice);
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-model-picker': ModelPicker;
  }
}
