/** One service as a card: name, group, calls a second, errors, p99. */
import type { JSX } from 'preact';
import { latency, percent, rate } from '../model/format';
import { NONE } from '../model/graph';
import { flowOf, healthOf } from '../model/health';
import { KindMark } from '../panels/icons';
import type { AppState } from '../panels/state';
import { CARD_HEIGHT, type CardPlace } from './place';

/** From this failed share the figure is set off. */
const SHOW_ERRORS = 0.008;

export function Facts({ state, slot }: { state: AppState; slot: number }): JSX.Element {
  const s = state.graph.services;
  const group = state.grouping.groups[state.grouping.of[slot]];
  const errors = s.rate[slot] > 0 ? s.errorRate[slot] : 0;
  const tone = errors > state.thresholds.failing ? 'failing' : errors > SHOW_ERRORS ? 'degraded' : '';
  return (
    <span class="sub num card-facts">
      <span class="card-team"><bdi>{group?.name ?? ''}</bdi></span><span>{`${rate(flowOf(state.graph, slot))}/s · `}<b class={tone}>{percent(errors)}</b>{Number.isFinite(s.p99[slot]) ? ` · ${latency(s.p99[slot])}` : ''}</span>
    </span>
  );
}

/** The health of a service as the colour of its shape. */
export function Health({ state, slot }: { state: AppState; slot: number }): JSX.Element {
  const s = state.graph.services;
  const health = s.rate[slot] > 0 ? healthOf(s.errorRate[slot], state.thresholds) : 'healthy';
  return <i class={`state ${health === 'healthy' && s.rate[slot] <= 0 && s.outRate[slot] <= 0 ? 'silent' : health}`}><KindMark kind={s.kind[slot]} /></i>;
}

interface CardProps {
  state: AppState;
  place: CardPlace;
  width: number;
  focused: boolean;
  dim: boolean;
}

export function Card({ state, place, width, focused, dim }: CardProps): JSX.Element {
  const { slot } = place;
  const s = state.graph.services;
  const group = state.grouping.groups[state.grouping.of[slot]];
  return (
    <li class={dim ? 'dim' : ''} style={{ width: `${width}px`, height: `${CARD_HEIGHT}px`, transform: `translate(${place.x}px, ${Math.round(place.y - CARD_HEIGHT / 2)}px)` }}>
      <button type="button" class={`card${focused ? ' is-focus' : ''}`} data-slot={slot} data-service={s.name[slot]} title={s.name[slot]}
        aria-current={focused ? 'true' : undefined} onClick={() => state.pin(slot)}
        onPointerEnter={() => { state.hovered.value = slot; }} onPointerLeave={() => { state.hovered.value = NONE; }}
        onFocus={(e) => { if (e.currentTarget.matches(':focus-visible')) state.hovered.value = slot; }} onBlur={() => { state.hovered.value = NONE; }}>
        <i class={`bar hue-${group?.hue ?? 0}`} />
        <span class="who"><bdi>{s.label[slot]}</bdi><Facts state={state} slot={slot} /></span>
        <Health state={state} slot={slot} />
      </button>
    </li>
  );
}
