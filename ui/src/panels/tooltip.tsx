/** What is under the pointer, in a few words beside it. */
import './tooltip.css';
import type { JSX } from 'preact';
import { CALL_KINDS } from '../model/frame';
import { ago, count, latency, percent, rate } from '../model/format';
import { healthOf } from '../model/health';
import type { AppState, Tip } from './state';

function CallTip({ state, call }: { state: AppState; call: number }): JSX.Element {
  const c = state.graph.calls;
  const s = state.graph.services;
  const now = state.graph.timeMs;
  return (
    <>
      <p class="ends"><bdi>{s.label[c.from[call]]}</bdi><span aria-hidden="true">→</span><bdi>{s.label[c.to[call]]}</bdi></p>
      <dl class="num">
        <dt>{CALL_KINDS[c.kind[call]]}</dt><dd>{rate(c.rate[call])}/s · {count(c.calls[call])} in {state.live.value ? 'the hour' : 'this window'}</dd>
        <dt>errors</dt><dd class={healthOf(c.errorRate[call], state.thresholds)}>{percent(c.errorRate[call])}</dd>
        <dt>p50 · p95 · p99</dt><dd>{latency(c.p50[call])} · {latency(c.p95[call])} · {latency(c.p99[call])}</dd>
        <dt>seen</dt><dd>{ago(now - c.firstSeen[call])}, last {ago(now - c.lastSeen[call])}</dd>
      </dl>
    </>
  );
}

function ServiceTip({ state, slot }: { state: AppState; slot: number }): JSX.Element {
  const s = state.graph.services;
  const group = state.grouping.groups[state.grouping.of[slot]];
  return (
    <>
      <p class="ends"><bdi>{s.label[slot]}</bdi><span class="sub"><bdi>{group?.name ?? ''}</bdi></span></p>
      <dl class="num">
        <dt>called</dt><dd>{rate(s.rate[slot])}/s by {state.graph.callsTo(slot).length}</dd>
        <dt>calls</dt><dd>{rate(s.outRate[slot])}/s to {state.graph.callsFrom(slot).length}</dd>
        {s.rate[slot] > 0 && <><dt>errors</dt><dd class={healthOf(s.errorRate[slot], state.thresholds)}>{percent(s.errorRate[slot])}</dd></>}
        {s.rate[slot] > 0 && <><dt>p50 · p99</dt><dd>{latency(s.p50[slot])} · {latency(s.p99[slot])}</dd></>}
      </dl>
    </>
  );
}

function GroupTip({ state, group }: { state: AppState; group: number }): JSX.Element | null {
  const g = state.grouping.groups[group];
  if (g === undefined) return null;
  return (
    <>
      <p class="ends"><bdi>{g.name}</bdi></p>
      <dl class="num"><dt>services</dt><dd>{count(g.count)}</dd><dt>calls</dt><dd>{rate(g.rate)}/s</dd><dt>errors</dt><dd class={healthOf(g.errorRate, state.thresholds)}>{percent(g.errorRate)}</dd></dl>
    </>
  );
}

function Body({ state, tip }: { state: AppState; tip: Tip }): JSX.Element | null {
  if (tip.kind === 'call') return state.graph.calls.alive[tip.ref] === 1 ? <CallTip state={state} call={tip.ref} /> : null;
  if (tip.kind === 'service') return state.graph.services.alive[tip.ref] === 1 ? <ServiceTip state={state} slot={tip.ref} /> : null;
  return <GroupTip state={state} group={tip.ref} />;
}

const WIDTH = 290;

export function Tooltip({ state }: { state: AppState }): JSX.Element | null {
  const tip = state.tip.value;
  state.version.value;
  if (tip === null) return null;
  const left = tip.x + WIDTH + 30 > window.innerWidth - 352 ? tip.x - WIDTH - 14 : tip.x + 16;
  return <div class="tip" role="tooltip" style={{ transform: `translate(${Math.max(4, left)}px, ${Math.max(4, tip.y + 14)}px)` }}><Body state={state} tip={tip} /></div>;
}
