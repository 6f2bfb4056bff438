/** The search field: fuzzy, over services and teams, while typing. What it finds is in hits.tsx, loaded when the field is first used. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { NO_FILTER } from '../model/filter';
import type { Hit } from '../model/search';
import { Lens } from './icons';
import { lazy } from './lazy';
import type { AppState } from './state';

const loadHits = async () => (await import('./hits')).Hits;
const Hits = lazy(loadHits);

export function Search({ state }: { state: AppState }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const toPath = state.pathSearch.value;
  const open = state.searchOpen.value && query !== '';

  const take = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    const { kind, ref } = hit.candidate;
    // What the filters hide is shown when it is asked for.
    if (kind !== 'team' && state.graph.services.alive[ref] === 0) state.go({ part: NO_FILTER }, false);
    if (kind === 'team') state.pinTeam(ref);
    else if (toPath) state.pathTo(ref);
    else state.pin(ref);
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
  const placeholder = toPath ? 'Path to which service?' : pinned >= 0 ? state.graph.services.label[pinned] : 'Search services, teams, operations';
  return (
    <div class="search" role="search">
      <Lens />
      <input ref={input} id="search" type="text" role="combobox" aria-label={toPath ? 'Search the far end of the path' : 'Search services, teams and operations'} aria-expanded={open} aria-controls="search-hits"
        aria-autocomplete="list" {...(open && hits.length > 0 ? { 'aria-activedescendant': `hit-${chosen}` } : {})} autocomplete="off" spellcheck={false}
        class={pinned >= 0 ? 'pinned' : ''} placeholder={placeholder} value={query} onKeyDown={key}
        onFocus={() => { state.searchOpen.value = true; loadHits().catch(() => undefined); }} onBlur={() => { state.searchOpen.value = false; state.pathSearch.value = false; }}
        onInput={(e) => { setQuery(e.currentTarget.value); setChosen(0); }} />
      <kbd aria-hidden="true">/</kbd>
      <ul id="search-hits" role="listbox" aria-label="Found" hidden={!open}>
        {open && <Hits state={state} query={query} chosen={chosen} choose={setChosen} take={take} listed={setHits} />}
      </ul>
    </div>
  );
}
