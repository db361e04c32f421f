import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import type { DemoPort } from '../demo-controller.ts';
import { initialDemoState, type DemoState } from '../demo-state.ts';
import { demoStrings, liveStrings } from '../../strings.ts';
import type { ModelChoice } from '../model-choice.ts';
import type { SourceWish } from '../picture-source.ts';
import type { ServedModel } from '../served-models.ts';
import { formStyles } from './form-styles.ts';
import './live-figures.ts';
import './live-status.ts';
import './model-picker.ts';
import './plan-words.ts';
import './prediction-bars.ts';
import type { Bar } from './prediction-bars.ts';
import './seen-picture.ts';
import './source-picker.ts';
import './stage.ts';

/**
 * Shows something to the room, and what the room says to it. Knows the rest of the page only by its properties; takes its place
 * before there is a port, so that nothing moves when there is.
 */
@customElement('pt-demo')
export class DemoView extends LitElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .card > * + * {
        margin-top: 0.75rem;
      }
      .both {
        display: grid;
        gap: 1rem;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr));
        align-items: start;
      }
      .both > * {
        min-width: 0;
      }
      .stage > * + *,
      .answer > * + * {
        margin-top: 0.625rem;
      }
      .hint {
        min-height: 3em;
      }
    `,
  ];

  @property({ attribute: false }) port: DemoPort | undefined;
  /** This device is in the room, and an engine computes. */
  @property({ type: Boolean }) ready = false;
  /** Of the room's own server. */
  @property({ attribute: false }) served: readonly ServedModel[] = [];
  /** Where the server can be trusted, if a page over plain http is shown. */
  @property({ attribute: false }) trustUrl: string | undefined;
  /** Addresses of pictures for the bundled network. */
  @property({ attribute: false }) samples: readonly string[] = [];
  @state() private demo: DemoState = initialDemoState({ kind: 'bundled' });
  /** Was chosen before there was a port. */
  #awaited: ModelChoice | undefined;
  #unsubscribe: () => void = () => undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('port')) this.#follow();
  }

  override render() {
    const { demo } = this;
    const { live } = demo;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${demoStrings.title}</h2>
      <p class="muted">${demoStrings.explain}</p>
      <div class="both">
        <div class="stage">
          <pt-stage
            .source=${live.source}
            ?mirrored=${live.isMirrored}
            .area=${demo.answer?.area}
            @files-dropped=${(event: CustomEvent<File[]>) => this.dropped(event.detail)}
          ></pt-stage>
          <pt-source-picker
            .live=${live}
            ?ready=${this.ready}
            .samples=${live.choice.kind === 'bundled' ? this.samples : []}
            @source-wished=${(event: CustomEvent<SourceWish | undefined>) =>
              this.port?.chooseSource(event.detail)}
            @mirror-wished=${(event: CustomEvent<boolean>) => this.port?.mirror(event.detail)}
          ></pt-source-picker>
          <pt-live-status
            .live=${live}
            ?ready=${this.ready}
            .trustUrl=${this.trustUrl}
            @retry-wished=${() => this.port?.retry()}
          ></pt-live-status>
        </div>
        <div class="answer">${this.answer(demo)}</div>
      </div>
      <pt-plan-words .live=${live}></pt-plan-words>
      <pt-model-picker
        .live=${live}
        .served=${this.served}
        @model-wished=${(event: CustomEvent<ModelChoice>) => this.chooseModel(event.detail)}
        @labels-wished=${(event: CustomEvent<File>) => this.port?.chooseLabels(event.detail)}
      ></pt-model-picker>
    </section>`;
  }

  private answer(demo: DemoState) {
    const { live, answer, said } = demo;
    const bars = (answer?.top ?? []).map(({ label, index, score }): Bar => ({
      name: label ?? demoStrings.unnamed(index),
      share: score,
      amount: demoStrings.sure(score),
    }));
    const words = said
      ? demoStrings.said(
          said.prediction.label ?? demoStrings.unnamed(said.prediction.index),
          said.prediction.score,
        )
      : '';
    return html`<h3>${demoStrings.answer}</h3>
      <p class="visually-hidden" aria-live="polite">${words}</p>
      <pt-bars .bars=${bars} rows="5"></pt-bars>
      ${
        (live.network ? live.network.reading === 'digit' : live.choice.kind === 'bundled')
          ? html`<pt-seen-picture .seen=${answer?.seen}></pt-seen-picture>`
          : nothing
      }
      <p class="hint small muted">${this.hint(demo)}</p>
      <pt-live-figures .live=${live}></pt-live-figures>`;
  }

  private hint({ live, answer, isNothing }: DemoState): string {
    if (isNothing) return demoStrings.nothing;
    if (answer) return live.network?.classes === 0 ? demoStrings.noClasses : '';
    return live.network ? liveStrings.reads[live.network.reading] : demoStrings.noAnswer;
  }

  /** A picture or a clip is shown; anything else is a model. */
  private dropped(files: readonly File[]): void {
    const shown = files.find(({ type }) => /^(image|video)\//.test(type));
    if (!this.ready) return;
    if (shown) this.port?.chooseSource({ kind: 'file', file: shown });
    else this.chooseModel({ kind: 'files', files });
  }

  private chooseModel(choice: ModelChoice): void {
    if (this.port) this.port.chooseModel(choice);
    else this.#awaited = choice;
  }

  #follow(): void {
    this.#unsubscribe();
    this.#unsubscribe = this.port?.subscribe((demo) => (this.demo = demo)) ?? (() => undefined);
    if (!this.port || !this.#awaited) return;
    this.port.chooseModel(this.#awaited);
    this.#awaited = undefined;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-demo': DemoView;
  }
}
