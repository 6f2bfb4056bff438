/** What the services are grouped by, and whether the groups are folded: a small box in the corner of the picture. */
import './choice.css';
import type { JSX } from 'preact';
import { GROUPINGS, type GroupBy } from '../model/groups';
import { MAX_FOLDED } from '../model/url';
import type { AppState } from './state';

const NAMES: Readonly<Record<GroupBy, string>> = { namespace: 'Namespace', team: 'Team', environment: 'Environment', community: 'Community', kind: 'Kind' };

export function GroupingChoice({ state }: { state: AppState }): JSX.Element {
  state.structure.value;
  const { group, folded } = state.url.value;
  const { team, environment } = state.graph.services;
  const told = { team: team.some((t) => t !== ''), environment: environment.some((e) => e !== '') };
  const offered = GROUPINGS.filter((by) => by === group || (by !== 'team' && by !== 'environment') || told[by]);
  const keys = state.grouping.groups.filter((g) => g.count > 1).map((g) => g.key);
  const all = keys.length > 0 && keys.every((k) => folded.includes(k));
  return (
    <div class="choice">
      <div role="group" aria-label="Group by">
        <span class="sub">Group by</span>
        {offered.map((by) => (
          <button type="button" key={by} class={by === group ? 'on' : ''} aria-pressed={by === group} onClick={() => state.go({ group: by, folded: [], team: '' })}>{NAMES[by]}</button>
        ))}
      </div>
      {keys.length > 1 && <button type="button" aria-pressed={all} onClick={() => state.go({ folded: all ? [] : keys.slice(0, MAX_FOLDED) })}>{all ? 'Unfold' : 'Fold all'}</button>}
    </div>
  );
}
