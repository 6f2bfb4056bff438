/** The search field: fuzzy, over services and teams, while typing. */
import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { rate } from '../model/format';
import { SearchIndex, type Candidate, type Hit } from '../model/search';
import { Lens } from './icons';
import type { AppState } from './state';

const MAX_HITS = 9;

function candidates(state: AppState): Candidate[] {
  const s = state.graph.services;
  const out: Candidate[] = state.grouping.groups.map((g, i) => ({ text: g.name, context: '', kind: 'team', ref: i, weight: g.rate + 1e9 }));
  for (const i of state.graph.serviceList()) out.push({ text: s.label[i], context: s.namespace[i], kind: 'service', ref: i, weight: s.traffic[i] });
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

export function Search({ state }: { state: AppState }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const structure = state.structure.value;
  const index = useMemo(() => new SearchIndex(candidates(state)), [structure]);
  const hits = useMemo(() => index.search(query, MAX_HITS), [index, query]);
  const open = state.searchOpen.value && query !== '';

  const take = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    if (hit.candidate.kind === 'team') state.pinTeam(hit.candidate.ref);
    else state.pin(hit.candidate.ref);
    setQuery('');
    state.searchOpen.value = false;
    input.current?.blur();
  };
  const key = (e: KeyboardEvent): void => {
    if (e.key === 'ArrowDown') setChosen(Math.min(hits.length - 1, chosen + 1));
    else if (e.key === 'ArrowUp') setChosen(Math.max(0, chosen - 1));
    else if (e.key === 'Enter') take(hits[chosen]);
    else if (e.key === 'Escape') {
      setQuery('');
      input.current?.blur();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const pinned = state.pinned.value;
  const placeholder = pinned >= 0 ? state.graph.services.label[pinned] : 'Search services and teams';
  return (
    <div class="search" role="search">
      <Lens />
      <input ref={input} id="search" type="text" role="combobox" aria-label="Search services and teams" aria-expanded={open} aria-controls="search-hits"
        aria-autocomplete="list" {...(open && hits.length > 0 ? { 'aria-activedescendant': `hit-${chosen}` } : {})} autocomplete="off" spellcheck={false}
        class={pinned >= 0 ? 'pinned' : ''} placeholder={placeholder} value={query} onKeyDown={key}
        onFocus={() => { state.searchOpen.value = true; }} onBlur={() => { state.searchOpen.value = false; }}
        onInput={(e) => { setQuery(e.currentTarget.value); setChosen(0); }} />
      <kbd aria-hidden="true">/</kbd>
      <ul id="search-hits" role="listbox" aria-label="Found" hidden={!open}>
        {hits.map((h, i) => (
          <li key={`${h.candidate.kind}${h.candidate.ref}`} id={`hit-${i}`} role="option" aria-selected={i === chosen} class={i === chosen ? 'on' : ''}
            onPointerDown={(e) => { e.preventDefault(); take(h); }} onPointerEnter={() => setChosen(i)}>
            <Marked hit={h} />
            <span class="sub">{h.candidate.kind === 'team' ? 'team' : <bdi>{h.candidate.context}</bdi>}</span>
            {h.candidate.kind === 'service' && <span class="sub num">{rate(state.graph.services.rate[h.candidate.ref])}/s</span>}
          </li>
        ))}
        {open && hits.length === 0 && <li class="none" role="option" aria-selected={false}>Nothing found</li>}
      </ul>
    </div>
  );
}
