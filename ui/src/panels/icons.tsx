/** Small drawings, all decorative. */
import type { JSX } from 'preact';

export function Logo(): JSX.Element {
  return (
    <svg class="logo-mark" width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" fill="none">
      <circle cx="13" cy="13" r="10.5" stroke-width="2" stroke-dasharray="9 3 14 3 6 3" />
      <path d="M4 10Q13 13 21 7M5 17Q13 13 17 22M6 7Q13 13 22 15" stroke-width="1.1" />
    </svg>
  );
}

export function Lens(): JSX.Element {
  return (
    <svg width="15" height="15" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6">
      <circle cx="7" cy="7" r="5" />
      <path d="M11 11l4 4" />
    </svg>
  );
}

export function Sun(): JSX.Element {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round">
      <circle cx="8" cy="8" r="3" />
      <path d="M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M12.8 3.2l-1.1 1.1M4.3 11.7l-1.1 1.1" />
    </svg>
  );
}

export function Moon(): JSX.Element {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round">
      <path d="M13.2 9.6A5.8 5.8 0 0 1 6.4 2.8 5.8 5.8 0 1 0 13.2 9.6Z" />
    </svg>
  );
}

/** The shape that a node of a kind has on the star; index into SERVICE_KINDS. */
export function KindMark({ kind }: { kind: number }): JSX.Element {
  return (
    <svg class="kind" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" fill="currentColor">
      {kind === 1 ? <path d="M1.5 2.8C1.5 1.7 3.5 1 6 1s4.500.7 4.500 1.800v6.400C10.500 10.300 8.500 11 6 11s-4.500-.7-4.500-1.800z" />
        : kind === 2 ? <path d="M6 .6 11.400 6 6 11.400.6 6z" />
          : kind === 3 ? <circle cx="6" cy="6" r="4.200" fill="none" stroke="currentColor" stroke-width="1.800" />
            : kind === 4 ? <path d="M6 .8a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5zM1.200 11.200C1.200 8.200 3.300 6.500 6 6.500s4.800 1.700 4.800 4.700z" />
              : <circle cx="6" cy="6" r="4.600" />}
    </svg>
  );
}

export function Pause(): JSX.Element {
  return <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" fill="currentColor"><path d="M4 2.500h2v9H4zM8 2.500h2v9H8z" /></svg>;
}

export function Play(): JSX.Element {
  return <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" fill="currentColor"><path d="M4 2l8 5-8 5z" /></svg>;
}

export function Step({ back }: { back: boolean }): JSX.Element {
  return <svg width="12" height="12" viewBox="0 0 14 14" aria-hidden="true" fill="currentColor"><path d={back ? 'M11 2.500v9L3 7z' : 'M3 2.500v9L11 7z'} /></svg>;
}
