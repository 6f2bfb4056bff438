/** What Layers shows of a large fleet before a service is chosen: the ones to begin with. */
import type { JSX } from 'preact';
import { count } from '../model/format';
import { topTalkers } from '../model/health';
import type { AppState } from '../panels/state';
import { Facts, Health } from './card';

const OFFERED = 6;

function Offer({ state, title, slots }: { state: AppState; title: string; slots: readonly number[] }): JSX.Element | null {
  if (slots.length === 0) return null;
  const s = state.graph.services;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {slots.map((slot) => (
          <li key={s.id[slot]}>
            <button type="button" class="card" data-service={s.name[slot]} title={s.name[slot]} onClick={() => state.pin(slot)}>
              <i class={`bar hue-${state.grouping.groups[state.grouping.of[slot]]?.hue ?? 0}`} />
              <span class="who"><bdi>{s.label[slot]}</bdi><Facts state={state} slot={slot} /></span>
              <Health state={state} slot={slot} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Invitation({ state }: { state: AppState }): JSX.Element {
  state.version.value;
  const sick = state.attention.value.slice(0, OFFERED);
  return (
    <div class="invitation">
      <h2>Choose a service</h2>
      <p class="sub">Layers shows one service with what calls it and what it calls. {count(state.graph.serviceCount)} services at once would not be readable here.</p>
      <button type="button" class="plain" onClick={() => document.getElementById('search')?.focus()}>Search <kbd aria-hidden="true">/</kbd></button>
      <div class="offers">
        <Offer state={state} title="Needs attention" slots={sick} />
        <Offer state={state} title="Top talkers" slots={topTalkers(state.graph, OFFERED)} />
      </div>
    </div>
  );
}
