/** The side panel when nothing is in focus. */
import type { ComponentChildren, JSX } from 'preact';
import { count, latency, percent, rate } from '../model/format';
import { healthOf, topTalkers, type Health } from '../model/health';
import { KindMark } from './icons';
import { lazy } from './lazy';
import type { AppState } from './state';

const MAX_ATTENTION = 7;
const MAX_TALKERS = 8;

export function Figure({ value, unit, tone }: { value: string; unit: string; tone?: Health }): JSX.Element {
  return <div class="figure"><b class={`num ${tone ?? ''}`}>{value}</b><span>{unit}</span></div>;
}

const SeriesLoader = lazy(async () => (await import('./row-sparks')).SeriesLoader);
const RowSpark = lazy(async () => (await import('./row-sparks')).RowSpark);

interface RowProps {
  state: AppState;
  slot: number;
  /** The curve beside the name is of failures. */
  failures: boolean;
  children: ComponentChildren;
}

function Row({ state, slot, failures, children }: RowProps): JSX.Element {
  const s = state.graph.services;
  const health = s.rate[slot] > 0 ? healthOf(s.errorRate[slot], state.thresholds) : 'healthy';
  const group = state.grouping.groups[state.grouping.of[slot]];
  return (
    <li>
      <button type="button" class="row" onClick={() => state.pin(slot)} onPointerEnter={() => { state.hovered.value = slot; }} onPointerLeave={() => { state.hovered.value = -1; }}>
        <i class={`mark ${health === 'healthy' ? `hue-${group?.hue ?? 0}` : health}`}><KindMark kind={s.kind[slot]} /></i>
        <span class="who"><bdi>{s.label[slot]}</bdi><span class="sub num facts"><bdi>{group?.name ?? ''}</bdi><span> · {rate(s.rate[slot])}/s · p99 {latency(s.p99[slot])}</span></span></span>
        {state.series.value.has(s.name[slot]) && <RowSpark state={state} name={s.name[slot]} tone={failures ? health : 'calls'} />}
        {children}
      </button>
    </li>
  );
}

export function Overview({ state }: { state: AppState }): JSX.Element {
  state.version.value;
  const { graph } = state;
  const totals = state.totals.value;
  return (
    <section aria-label="Everything">
      <h2>Everything</h2>
      <div class="figures">
        <Figure value={count(graph.serviceCount)} unit="services" />
        <Figure value={count(graph.callCount)} unit="dependencies" />
        <Figure value={rate(totals.calls)} unit="calls / s" />
        <Figure value={percent(totals.errorRate)} unit="errors" tone={totals.errorRate > 0.008 ? healthOf(Math.max(0.026, totals.errorRate), state.thresholds) : 'healthy'} />
      </div>
      {graph.serviceCount > 0 && <Lists state={state} />}
      <About state={state} />
    </section>
  );
}

/** How late spans may be, and what of them would survive what. */
function About({ state }: { state: AppState }): JSX.Element | null {
  const { durability, horizonS, settleS } = state.about.value;
  if (horizonS === 0) return null;
  const span = (s: number): string => (s >= 3_600 ? `${+(s / 3_600).toFixed(1)} h` : s >= 60 ? `${Math.round(s / 60)} min` : `${s} s`);
  return (
    <p class="about num">Late spans still count for {span(horizonS)}; a guess shows after {span(settleS)}.{durability !== '' && <> Durability: {durability}.</>}</p>
  );
}

function Lists({ state }: { state: AppState }): JSX.Element {
  const { graph } = state;
  const attention = state.attention.value;
  const talkers = topTalkers(graph, MAX_TALKERS);
  const s = graph.services;
  return (
    <>
      {state.calm.value && <SeriesLoader state={state} names={[...new Set([...attention.slice(0, MAX_ATTENTION), ...talkers])].map((i) => s.name[i])} />}
      <h3>Needs attention <q class="num">{count(attention.length)}</q></h3>
      {attention.length === 0
        ? <p class="sub calm">No service fails more than {percent(state.thresholds.degraded)} of its calls.</p>
        : (
          <ul class="rows">
            {attention.slice(0, MAX_ATTENTION).map((i) => (
              <Row key={s.id[i]} state={state} slot={i} failures={true}><em class={`num ${healthOf(s.errorRate[i], state.thresholds)}`}>{percent(s.errorRate[i])}</em></Row>
            ))}
          </ul>
        )}
      {attention.length > MAX_ATTENTION && (
        <button type="button" class="more" onClick={() => state.go({ view: 'table', filter: 'failing', sort: 'errors', descending: true })}>
          {count(attention.length - MAX_ATTENTION)} more: show failing calls in the table
        </button>
      )}
      {talkers.length > 0 && <h3>Top talkers</h3>}
      <ul class="rows">
        {talkers.map((i) => <Row key={s.id[i]} state={state} slot={i} failures={false}><em class="num">{rate(s.rate[i])}/s</em></Row>)}
      </ul>
    </>
  );
}
