/** The filter bar: which part of the graph is shown. */
import './filters.css';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { NO_FILTER, type Direction, type Filter } from '../model/filter';
import { count } from '../model/format';
import { CALL_KINDS } from '../model/frame';
import { compareText } from '../model/groups';
import type { AppState } from './state';

const ERRORS: readonly [number, string][] = [[0, 'any'], [0.001, '≥ 0.1 %'], [0.01, '≥ 1 %'], [0.025, '≥ 2.5 %'], [0.1, '≥ 10 %'], [0.5, '≥ 50 %']];
const RATES: readonly [number, string][] = [[0, 'any'], [0.1, '≥ 0.1/s'], [1, '≥ 1/s'], [10, '≥ 10/s'], [100, '≥ 100/s'], [1000, '≥ 1,000/s']];
const KIND_NAMES = { rpc: 'RPC', database: 'Database', messaging: 'Messaging', link: 'Span link' } as const;
const HOPS = [0, 1, 2, 3, 4];
const DIRECTIONS: readonly [Direction, string][] = [['both', 'both ways'], ['up', 'to callers'], ['down', 'to callees']];
/** A longer list no choice is good for. */
const MAX_PLACES = 2_000;

/** All names of a kind that services have, in sight or not. */
function placesOf(state: AppState, names: (slot: number) => readonly string[]): [string, string][] {
  const s = state.graph.services;
  const found = new Set<string>();
  for (let i = 0; i < state.graph.serviceHigh; i++) if (s.present[i] === 1 && s.kind[i] === 0) for (const n of names(i)) if (n !== '') found.add(n);
  return [['', 'all'], ...[...found].sort(compareText).slice(0, MAX_PLACES).map((n): [string, string] => [n, n])];
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}

function Choice({ label, value, options, choose }: ChoiceProps): JSX.Element {
  // What a link asks for is offered even if nobody would think of it.
  const all = options.some(([v]) => v === value) ? options : [...options, [value, value] as const];
  return (
    <label class="filter-choice"><span>{label}</span>
      <select class={value === all[0][0] ? '' : 'set'} value={value} onChange={(e) => choose(e.currentTarget.value)}>
        {all.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
      </select>
    </label>
  );
}

function Toggle({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }): JSX.Element {
  return <button type="button" class={`chip${on ? ' on' : ''}`} aria-pressed={on} onClick={() => set(!on)}>{label}</button>;
}

export function FilterBar({ state }: { state: AppState }): JSX.Element {
  state.structure.value;
  state.version.value;
  const { part, focus } = state.url.value;
  const bar = useRef<HTMLElement>(null);
  useLayoutEffect(() => bar.current?.querySelector('select')?.focus(), []);
  const set = (change: Partial<Filter>): void => state.filter(change);
  const texts = (list: readonly [number, string][]): [string, string][] => list.map(([v, name]) => [String(v), name]);
  const { services, calls } = state.graph.totals;
  const { namespace, team, environment } = state.graph.services;
  const teams = placesOf(state, (i) => [team[i]]);
  const environments = placesOf(state, (i) => environment[i].split(', '));
  return (
    <section class="filters" id="filters" aria-label="Filters" ref={bar} onKeyDown={(e) => {
      if (e.key !== 'Escape') return;
      state.filterOpen.value = false;
      e.stopPropagation();
    }}>
      <Choice label="Namespace" value={part.namespace} options={placesOf(state, (i) => [namespace[i]])} choose={(v) => set({ namespace: v })} />
      {(teams.length > 1 || part.team !== '') && <Choice label="Team" value={part.team} options={teams} choose={(v) => set({ team: v })} />}
      {(environments.length > 1 || part.environment !== '') && <Choice label="Environment" value={part.environment} options={environments} choose={(v) => set({ environment: v })} />}
      <Choice label="Kind" value={part.kind} options={[['', 'all'], ...CALL_KINDS.map((k) => [k, KIND_NAMES[k]] as const)]}
        choose={(v) => set({ kind: CALL_KINDS.find((k) => k === v) ?? '' })} />
      <Choice label="Errors" value={String(part.minErrors)} options={texts(ERRORS)} choose={(v) => set({ minErrors: Number(v) })} />
      <Choice label="Calls" value={String(part.minRate)} options={texts(RATES)} choose={(v) => set({ minRate: Number(v) })} />
      {focus !== '' && part.to === '' && (
        <>
          <Choice label="Around the focus" value={String(part.hops)} options={HOPS.map((h) => [String(h), h === 0 ? 'all' : h === 1 ? '1 hop' : `${h} hops`])} choose={(v) => set({ hops: Number(v) })} />
          {part.hops > 0 && <Choice label="Direction" value={part.direction} options={DIRECTIONS} choose={(v) => set({ direction: DIRECTIONS.find(([d]) => d === v)?.[0] ?? 'both' })} />}
        </>
      )}
      <Toggle label="Only failing paths" on={part.failing} set={(failing) => set({ failing })} />
      <Toggle label="Hide inferred" on={part.noInferred} set={(noInferred) => set({ noInferred })} />
      <span class="sub num" role="status">{count(state.graph.serviceCount)} of {count(services)} services, {count(state.graph.callCount)} of {count(calls)} calls</span>
      <div class="space" />
      {state.filters.value > 0 && <button type="button" class="more" onClick={() => state.go({ part: NO_FILTER })}>Clear</button>}
      <button type="button" class="icon" aria-label="Close the filters" onClick={() => { state.filterOpen.value = false; }}>✕</button>
    </section>
  );
}
