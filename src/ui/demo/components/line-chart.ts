import { css, html, LitElement, nothing, unsafeCSS } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type uPlot from 'uplot';
import chartCss from 'uplot/dist/uPlot.min.css?inline';
import { sharedStyles } from '../../components/shared-styles.ts';
import { liveStrings } from '../../strings.ts';

export interface ChartPoint {
  readonly atMs: number;
  readonly value: number;
}

const HEIGHT_PIXELS = 110;

/** One line over time. The library that draws it is loaded with the first chart that is shown. */
@customElement('pt-line-chart')
export class LineChart extends LitElement {
  static override styles = [
    sharedStyles,
    unsafeCSS(chartCss),
    css`
      :host {
        min-width: 0;
      }
      .chart {
        height: ${HEIGHT_PIXELS}px;
        overflow: hidden;
      }
    `,
  ];

  @property() label = '';
  @property({ attribute: false }) points: readonly ChartPoint[] = [];
  @property({ attribute: false }) format: (value: number) => string = String;
  @state() private isMissing = false;

  #plot: uPlot | undefined;
  #isLoading = false;
  #resized: ResizeObserver | undefined;

  override render() {
    const latest = this.points.at(-1);
    const text = liveStrings.chart(this.label, latest ? this.format(latest.value) : '–');
    return html`<p class="small muted" aria-hidden="true">${this.label}</p>
      <div class="chart" role="img" aria-label=${text}></div>
      ${this.isMissing ? html`<p class="small muted">${liveStrings.noChart}</p>` : nothing}`;
  }

  override updated(): void {
    if (this.#plot) this.#plot.setData(this.#data());
    else if (this.points.length > 1) void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized?.disconnect();
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  async #load(): Promise<void> {
    if (this.#isLoading || this.isMissing) return;
    this.#isLoading = true;
    try {
      const { default: Chart } = await import('uplot');
      if (!this.isConnected) return;
      const place = this.renderRoot.querySelector<HTMLElement>('.chart')!;
      this.#plot = new Chart(this.#options(place.clientWidth), this.#data(), place);
      this.#resized = new ResizeObserver(() => {
        // A closed section has no width.
        if (place.clientWidth > 0) this.#plot?.setSize({ width: place.clientWidth, height: HEIGHT_PIXELS });
      });
      this.#resized.observe(place);
    } catch (cause) {
      console.warn('The chart cannot be loaded.', cause);
      this.isMissing = true;
    } finally {
      this.#isLoading = false;
    }
  }

  /** Seconds before now, and values. */
  #data(): uPlot.AlignedData {
    const now = this.points.at(-1)?.atMs ?? 0;
    return [this.points.map(({ atMs }) => (atMs - now) / 1000), this.points.map(({ value }) => value)];
  }

  #options(width: number): uPlot.Options {
    const colour = (name: string) => () => getComputedStyle(this).getPropertyValue(name).trim();
    const axis: uPlot.Axis = {
      stroke: colour('--pt-muted'),
      grid: { stroke: colour('--pt-line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    return {
      width: Math.max(1, width),
      height: HEIGHT_PIXELS,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        // From zero: a line must not look steep because it hardly moves.
        y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.15)] },
      },
      axes: [
        { ...axis, size: 24, values: (_plot, splits) => splits.map((seconds) => `${seconds} s`) },
        { ...axis, size: 44, space: 28 },
      ],
      series: [{}, { stroke: colour('--pt-accent'), width: 2, points: { show: false } }],
    };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-line-chart': LineChart;
  }
}
