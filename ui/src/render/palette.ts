/** Colours of both themes, as channels 0 to 1. */

export type Rgb = readonly [number, number, number];

export function rgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

/** The hues of the parent groups; css variables --hue-0 … --hue-7 hold the same. */
export const HUES: readonly Rgb[] = ['#339eff', '#21ccdb', '#4ddb94', '#8c8cff', '#cc73ff', '#ff6bc7', '#9eb8db', '#f2b86b'].map(rgb);

export interface Theme {
  light: boolean;
  background: readonly [Rgb, Rgb];
  degraded: Rgb;
  failing: Rgb;
  caller: Rgb;
  callee: Rgb;
  focus: Rgb;
  /** Calls that a comparison finds new, vanished, and as they were. */
  added: Rgb;
  removed: Rgb;
  same: Rgb;
  /** Brightness of the hues where they are solid. */
  hueScale: number;
  bandAlpha: number;
  sectorAlpha: number;
  bloom: Rgb;
}

export const DARK: Theme = {
  light: false,
  background: [rgb('#080b14'), rgb('#020306')],
  degraded: rgb('#ffbd45'), failing: rgb('#ff6257'), caller: rgb('#ffb03c'), callee: rgb('#35c5ff'), focus: rgb('#ffffff'),
  added: rgb('#1acc6b'), removed: rgb('#eb298c'), same: rgb('#8793a8'),
  hueScale: 1, bandAlpha: 0.92, sectorAlpha: 0.13, bloom: [0.26, 0.3, 0.42],
};

export const LIGHT: Theme = {
  light: true,
  background: [rgb('#fbfbfa'), rgb('#f1f2f4')],
  degraded: rgb('#b86e00'), failing: rgb('#c81e2c'), caller: rgb('#d97300'), callee: rgb('#0073cc'), focus: rgb('#18202c'),
  added: rgb('#1cb868'), removed: rgb('#d02f80'), same: rgb('#66717f'),
  hueScale: 0.7, bandAlpha: 0.95, sectorAlpha: 0.11, bloom: [0.1, 0.1, 0.1],
};
