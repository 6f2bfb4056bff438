/** Every call as a row: the accessible equivalent of the star. Only the rows in sight exist. */
import './table.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { CALL_KINDS, CHANGES, SAME } from '../model/frame';
import { count, latency, percent, rate } from '../model/format';
import { healthOf } from '../model/health';
import { csv, rows } from '../model/rows';
import type { SortKey } from '../model/url';
import { download } from './download';
import type { AppState } from './state';

const ROW_PX = 34;
/** Rows kept above and below the ones in sight. */
const MARGIN_ROWS = 8;
/** A long table is put in order anew at most this often. */
const LONG_TABLE = 5_000;
const LONG_EVERY_MS = 3_000;

const COLUMNS: readonly { key: SortKey; name: string; numeric: boolean }[] = [
  { key: 'from', name: 'From', numeric: false }, { key: 'to', name: 'To', numeric: false }, { key: 'kind', name: 'Kind', numeric: false },
  { key: 'rate', name: 'Calls/s', numeric: true }, { key: 'errors', name: 'Errors', numeric: true }, { key: 'p50', name: 'p50', numeric: true },
  { key: 'p99', name: 'p99', numeric: true }, { key: 'calls', name: 'In the hour', numeric: true },
];

const CHANGE_NAMES = { same: '', new: 'new', gone: 'vanished', more: 'more', less: 'less' } as const;

function Head({ state }: { state: AppState }): JSX.Element {
  const { sort, descending } = state.url.value;
  const choose = (key: SortKey, numeric: boolean): void => state.go({ sort: key, descending: key === sort ? !descending : numeric }, false);
  return (
    <thead>
      <tr aria-rowindex={1}>
        {COLUMNS.map((c) => (
          <th key={c.key} scope="col" class={c.numeric ? 'number' : ''} aria-sort={c.key !== sort ? 'none' : descending ? 'descending' : 'ascending'}>
            <button type="button" onClick={() => choose(c.key, c.numeric)}>{c.key === 'calls' && !state.live.value ? 'In the window' : c.name}<span class="arrow" aria-hidden="true">{c.key === sort ? (descending ? '↓' : '↑') : ''}</span></button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

function CallRow({ state, call, index }: { state: AppState; call: number; index: number }): JSX.Element {
  const c = state.graph.calls;
  const s = state.graph.services;
  const end = (slot: number): JSX.Element => (
    <td class="name"><button type="button" title={s.name[slot]} onClick={() => state.go({ view: 'star', focus: s.name[slot], team: '' })}><bdi>{s.name[slot]}</bdi></button></td>
  );
  return (
    <tr aria-rowindex={index + 2} data-call={`${s.name[c.from[call]]}→${s.name[c.to[call]]}`} data-kind={CALL_KINDS[c.kind[call]]}>
      {end(c.from[call])}{end(c.to[call])}
      <td>{CALL_KINDS[c.kind[call]]}{state.graph.comparing && c.change[call] !== SAME && <span class={`change ${CHANGES[c.change[call]]}`}>{CHANGE_NAMES[CHANGES[c.change[call]]]}</span>}</td>
      <td class="num number"><button type="button" class="open" aria-label={`Call from ${s.label[c.from[call]]} to ${s.label[c.to[call]]}`} onClick={() => state.pinCall(call)}>{rate(c.rate[call])}</button></td>
      <td class={`num number ${healthOf(c.errorRate[call], state.thresholds)}`}>{percent(c.errorRate[call])}</td>
      <td class="num number">{latency(c.p50[call])}</td>
      <td class="num number">{latency(c.p99[call])}</td>
      <td class="num number">{count(c.calls[call])}</td>
    </tr>
  );
}

/** The version of the graph by which the rows are ordered: each one, or for long tables one now and then. */
function useOrderVersion(state: AppState): number {
  const version = state.version.value;
  const last = useRef({ version: -1, at: -Infinity });
  const now = performance.now();
  if (state.graph.callCount <= LONG_TABLE || now - last.current.at >= LONG_EVERY_MS) last.current = { version, at: now };
  return last.current.version;
}

export function TableView({ state }: { state: AppState }): JSX.Element {
  const { filter, sort, descending } = state.url.value;
  const order = useOrderVersion(state);
  const structure = state.structure.value;
  const list = useMemo(() => rows(state.graph, { filter, sort, descending }), [order, structure, filter, sort, descending]);
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - MARGIN_ROWS);
  const last = Math.min(list.length, Math.ceil((view.top + view.height) / ROW_PX) + MARGIN_ROWS);
  const alive = list.slice(first, last).filter((c) => state.graph.calls.alive[c] === 1);
  return (
    <section class="table-view" aria-label="All calls">
      <div class="tools">
        <input type="search" aria-label="Filter calls" placeholder="Filter: names, kind, or “failing”" value={filter}
          onInput={(e) => state.go({ filter: e.currentTarget.value }, false)} />
        <span class="sub num" role="status">{count(list.length)} of {count(state.graph.callCount)} calls</span>
        <div class="space" />
        <button type="button" class="plain" onClick={() => void navigator.clipboard.writeText(csv(state.graph, list))}>Copy</button>
        <button type="button" class="plain" onClick={() => download('calls.csv', new Blob([csv(state.graph, list)], { type: 'text/csv' }))}>CSV</button>
      </div>
      <div class="scroll" ref={box} tabIndex={0} role="region" aria-label="Calls">
        <table class="calls" aria-rowcount={list.length + 1}>
          <Head state={state} />
          <tbody aria-hidden="true" class="spacer" style={{ height: `${first * ROW_PX}px` }} />
          <tbody>{alive.map((c, i) => <CallRow key={state.graph.calls.id[c]} state={state} call={c} index={first + i} />)}</tbody>
          <tbody aria-hidden="true" class="spacer" style={{ height: `${Math.max(0, list.length - last) * ROW_PX}px` }} />
        </table>
        {list.length === 0 && <p class="sub none">No call matches.</p>}
      </div>
    </section>
  );
}
