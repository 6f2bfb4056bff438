/** The side panel of a comparison: what is new, gone, or changed. */
import './side.css';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { dayAndClock, clock, count, latency, percent, rate } from '../model/format';
import { CALL_KINDS, GONE, NEW, SAME } from '../model/frame';
import { NONE } from '../model/graph';
import type { AppState, ChangedCall } from './state';

const FIRST_ROWS = 8;
const MORE_ROWS = 200;

function useMore(total: number): { shown: number; button: JSX.Element | null } {
  const [all, setAll] = useState(false);
  const shown = all ? MORE_ROWS : FIRST_ROWS;
  const button = total <= FIRST_ROWS ? null : (
    <button type="button" class="more" onClick={() => setAll(!all)}>{all ? 'Fewer' : `${count(Math.min(total, MORE_ROWS) - FIRST_ROWS)} more`}</button>
  );
  return { shown, button };
}

interface ListProps {
  state: AppState;
  title: string;
  tone: 'new' | 'gone';
  /** Slots of calls. */
  calls: readonly number[];
}

function List({ state, title, tone, calls }: ListProps): JSX.Element | null {
  const { shown, button } = useMore(calls.length);
  if (calls.length === 0) return null;
  const c = state.graph.calls;
  const s = state.graph.services;
  return (
    <>
      <h3><i class={`dot ${tone}`} />{title} <q class="num">{count(calls.length)}</q></h3>
      <ul class="rows">
        {calls.slice(0, shown).map((i) => (
          <li key={c.id[i]}>
            <button type="button" class="row" onClick={() => state.pinCall(i)}
              onPointerEnter={() => { state.hovered.value = c.from[i]; }} onPointerLeave={() => { state.hovered.value = NONE; }}>
              <i class={`sign ${tone}`} aria-hidden="true">{tone === 'new' ? '+' : '−'}</i>
              <span class="who"><bdi>{s.label[c.from[i]]}</bdi><span class="sub">→ <bdi>{s.label[c.to[i]]}</bdi>{c.kind[i] !== 0 && ` · ${CALL_KINDS[c.kind[i]]}`}</span></span>
              <em class="num">{rate(c.rate[i])}/s</em>
            </button>
          </li>
        ))}
      </ul>
      {button}
    </>
  );
}

/** What of a call moved, as from → to. */
function movement(c: ChangedCall): string {
  const parts: string[] = [];
  if (c.what.includes('rate')) parts.push(`${rate(c.base.rate)} → ${rate(c.now.rate)}/s`);
  if (c.what.includes('errors')) parts.push(`${percent(c.base.errorShare)} → ${percent(c.now.errorShare)} err`);
  if (c.what.includes('latency')) parts.push(`p99 ${latency(c.base.p99)} → ${latency(c.now.p99)}`);
  return parts.join(' · ');
}

/** The mark of a change: of what matters most in it. */
function Sign({ call }: { call: ChangedCall }): JSX.Element {
  const { base, now, what } = call;
  const errors = what.includes('errors');
  const [from, to] = errors ? [base.errorShare, now.errorShare] : what.includes('rate') ? [base.rate, now.rate] : [base.p99, now.p99];
  return <i class={`sign${errors ? (to > from ? ' failing' : ' healthy') : ''}`} aria-hidden="true">{errors ? (to > from ? '▲' : '▼') : to >= from ? '↑' : '↓'}</i>;
}

/** How much a change matters: more failures before more traffic before slower calls. */
function weight(c: ChangedCall): number {
  const errors = Math.abs(c.now.errorShare - c.base.errorShare) * Math.max(c.now.rate, c.base.rate);
  return errors * 1_000 + Math.abs(c.now.rate - c.base.rate) + (c.what.includes('latency') ? c.now.rate * 0.01 : 0);
}

function Changed({ state }: { state: AppState }): JSX.Element | null {
  const list = [...state.changed.value].sort((a, b) => weight(b) - weight(a));
  const { shown, button } = useMore(list.length);
  if (list.length === 0) return null;
  const label = (name: string): string => {
    const slot = state.graph.findPresent(name);
    return slot === NONE ? name : state.graph.services.label[slot];
  };
  return (
    <>
      <h3><i class="dot same" />Changed calls <q class="num">{count(list.length)}</q></h3>
      <ul class="rows">
        {list.slice(0, shown).map((c) => (
          <li key={`${c.from} ${c.to} ${c.kind}`}>
            <button type="button" class="row" onClick={() => state.go({ caller: c.from, callee: c.to, callKind: c.kind })}>
              <Sign call={c} />
              <span class="who"><span class="pair"><bdi>{label(c.from)}</bdi> → <bdi>{label(c.to)}</bdi></span><span class="sub num">{movement(c)}</span></span>
            </button>
          </li>
        ))}
      </ul>
      {button}
    </>
  );
}

export function ComparePanel({ state }: { state: AppState }): JSX.Element {
  state.version.value;
  const { calls, services } = state.graph;
  const byChange = new Map<number, number[]>([[NEW, []], [GONE, []]]);
  let same = 0;
  for (const c of state.graph.callList()) {
    byChange.get(calls.change[c])?.push(c);
    if (calls.change[c] === SAME) same++;
  }
  const busiest = (change: number): number[] => (byChange.get(change) ?? []).sort((a, b) => calls.rate[b] - calls.rate[a] || a - b);
  let arrived = 0;
  let left = 0;
  for (const i of state.graph.serviceList()) {
    if (services.change[i] === NEW) arrived++;
    if (services.change[i] === GONE) left++;
  }
  const added = busiest(NEW);
  const removed = busiest(GONE);
  const w = state.window.value;
  return (
    <section aria-label="What changed">
      <div class="title"><h2>What changed</h2><button type="button" class="icon" aria-label="Leave the comparison" onClick={() => state.go({ base: '' })}>✕</button></div>
      <p class="sub num">{w?.base ? `${dayAndClock(w.fromMs)}–${clock(w.toMs)} compared with ${dayAndClock(w.base.fromMs)}–${clock(w.base.toMs)}` : 'The comparison is on its way.'}</p>
      <div class="figures">
        <div class="figure"><b class="num new">+{count(added.length)}</b><span>new calls</span></div>
        <div class="figure"><b class="num gone">−{count(removed.length)}</b><span>vanished</span></div>
        <div class="figure"><b class="num">+{count(arrived)} −{count(left)}</b><span>services</span></div>
        <div class="figure"><b class="num">{count(same)}</b><span>as before</span></div>
      </div>
      <List state={state} title="New calls" tone="new" calls={added} />
      <List state={state} title="Vanished calls" tone="gone" calls={removed} />
      <Changed state={state} />
      {state.graph.comparing && added.length + removed.length + state.changed.value.length === 0 && <p class="sub calm">Nothing differs by more than chance explains.</p>}
    </section>
  );
}
