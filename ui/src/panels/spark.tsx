/** Small curves of real history. */
import './spark.css';
import type { JSX } from 'preact';

const WIDTH = 300;

interface SparkProps {
  values: ArrayLike<number>;
  height: number;
  tone: string;
  /** What it shows, for those who cannot see it; empty: what stands beside it says it. */
  label: string;
  /** The value at the top; missing: the highest. */
  top?: number;
}

/** The line through the values that are known, with gaps where none is. */
export function sparkPath(values: ArrayLike<number>, top: number, height: number): { line: string; area: string } {
  let line = '';
  let area = '';
  const step = WIDTH / Math.max(1, values.length - 1);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    const start = i;
    const points: string[] = [];
    for (; i < values.length && Number.isFinite(values[i]); i++) {
      const y = height - 1.5 - (top > 0 ? Math.min(1, values[i] / top) : 0) * (height - 3);
      points.push(`${(i * step).toFixed(1)} ${y.toFixed(1)}`);
    }
    // A single point is drawn as a dash.
    if (points.length === 1) points.push(`${(start * step + 2).toFixed(1)} ${points[0].split(' ')[1]}`);
    line += `M${points.join('L')}`;
    area += `M${(start * step).toFixed(1)} ${height}L${points.join('L')}L${((i - 1) * step).toFixed(1)} ${height}z`;
  }
  return { line, area };
}

export function Spark({ values, height, tone, label, top }: SparkProps): JSX.Element {
  let most = top ?? 0;
  if (top === undefined) for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  const { line, area } = sparkPath(values, most, height);
  return (
    <svg class={`spark ${tone}`} {...(label === '' ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })} viewBox={`0 0 ${WIDTH} ${height}`} height={height} preserveAspectRatio="none">
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}
