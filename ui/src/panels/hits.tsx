/** What the search field finds: services and teams at once, operations when the server has answered. */
import './hits.css';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { ask } from '../ask';
import { rate } from '../model/format';
import { NONE } from '../model/graph';
import { isObject } from '../model/json';
import { SearchIndex, type Candidate, type Hit } from '../model/search';
import type { AppState } from './state';

const MAX_HITS = 9;

/** Waits for so long after a key before the server is asked for operations. */
const ASK_AFTER_MS = 120;
const MAX_OPERATIONS = 5;
/** Fewer letters than this are in the names of too many operations. */
const LEAST_LETTERS = 2;

function candidates(state: AppState, teams: boolean): Candidate[] {
  const s = state.graph.services;
  const out: Candidate[] = teams ? state.grouping.groups.map((g, i) => ({ text: g.name, context: '', kind: 'team', ref: i, weight: g.rate + 1e9 })) : [];
  for (let i = 0; i < state.graph.serviceHigh; i++) {
    if (s.present[i] === 1) out.push({ text: s.label[i], context: s.namespace[i], kind: 'service', ref: i, weight: s.traffic[i] });
  }
  return out;
}

/** Operations whose names hold the query, asked of the server when typing pauses. */
function useOperations(state: AppState, query: string): Hit[] {
  const text = query.trim().toLowerCase();
  const [found, setFound] = useState<{ text: string; hits: Hit[] }>({ text: '', hits: [] });
  useEffect(() => {
    if (text.length < LEAST_LETTERS) return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      ask('v1/operations', { text, limit: String(MAX_OPERATIONS) }, abort.signal).then(
        (v) => { if (!abort.signal.aborted) setFound({ text, hits: operationHits(state, text, v) }); },
        () => undefined, // services and teams are found without the server
      );
    }, ASK_AFTER_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return useMemo(() => (text.length >= LEAST_LETTERS && text.startsWith(found.text) ? found.hits.filter((h) => h.candidate.text.toLowerCase().includes(text)) : []), [text, found]);
}

function operationHits(state: AppState, text: string, v: unknown): Hit[] {
  if (!isObject(v) || !Array.isArray(v.operations)) return [];
  const out: Hit[] = [];
  for (const o of v.operations) {
    if (!isObject(o) || typeof o.name !== 'string' || typeof o.service !== 'string') continue;
    const ref = state.graph.findPresent(o.service);
    const at = o.name.toLowerCase().indexOf(text);
    if (ref === NONE || at < 0) continue;
    const places = Array.from(text, (_, i) => at + i);
    out.push({ candidate: { text: o.name, context: state.graph.services.label[ref], kind: 'operation', ref, weight: 0 }, score: 0, places });
  }
  return out;
}

/** The text with the matched letters marked. */
function Marked({ hit }: { hit: Hit }): JSX.Element {
  const places = new Set(hit.places);
  const parts: { text: string; on: boolean }[] = [];
  for (let i = 0; i < hit.candidate.text.length; i++) {
    const on = places.has(i);
    const last = parts.at(-1);
    if (last !== undefined && last.on === on) last.text += hit.candidate.text[i];
    else parts.push({ text: hit.candidate.text[i], on });
  }
  return <bdi>{parts.map((p, i) => (p.on ? <mark key={i}>{p.text}</mark> : p.text))}</bdi>;
}

interface HitsProps {
  state: AppState;
  query: string;
  /** Index of the hit that Enter takes. */
  chosen: number;
  choose(index: number): void;
  take(hit: Hit): void;
  /** Told what is listed. */
  listed(hits: readonly Hit[]): void;
}

export function Hits({ state, query, chosen, choose, take, listed }: HitsProps): JSX.Element {
  const structure = state.structure.value;
  const toPath = state.pathSearch.value;
  const index = useMemo(() => new SearchIndex(candidates(state, !toPath)), [structure, toPath]);
  const names = useMemo(() => index.search(query, MAX_HITS), [index, query]);
  const operations = useOperations(state, toPath ? '' : query);
  const hits = useMemo(() => [...names.slice(0, MAX_HITS - operations.length), ...operations], [names, operations]);
  useLayoutEffect(() => listed(hits), [hits]);
  return (
    <>
      {hits.map((h, i) => (
        <li key={`${h.candidate.kind}${h.candidate.ref}${h.candidate.kind === 'operation' ? h.candidate.text : ''}`} id={`hit-${i}`} role="option" aria-selected={i === chosen} class={i === chosen ? 'on' : ''}
          onPointerDown={(e) => { e.preventDefault(); take(h); }} onPointerEnter={() => choose(i)}>
          <Marked hit={h} />
          <span class="sub">{h.candidate.kind === 'team' ? 'team' : h.candidate.kind === 'operation' ? <>operation of <bdi>{h.candidate.context}</bdi></> : <bdi>{h.candidate.context}</bdi>}</span>
          {h.candidate.kind === 'service' && <span class="sub num">{rate(state.graph.services.rate[h.candidate.ref])}/s</span>}
        </li>
      ))}
      {hits.length === 0 && <li class="none" role="option" aria-selected={false}>Nothing found</li>}
    </>
  );
}
