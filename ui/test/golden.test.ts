import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeBinary } from '../src/model/binary';
import { Graph } from '../src/model/graph';
import { decodeText } from '../src/model/json';

// The frames that the server's own tests write: both sides are held to them.
const folder = new URL('../../graph/stream/testdata/', import.meta.url);
const names = readdirSync(folder).filter((n) => n.endsWith('.bin')).map((n) => n.slice(0, -4));

function binary(name: string): ReturnType<typeof decodeBinary> {
  const b = readFileSync(new URL(`${name}.bin`, folder));
  return decodeBinary(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength) as ArrayBuffer);
}

describe('the frames of the server', () => {
  it('are there', () => {
    expect(names).toContain('snapshot');
    expect(names).toContain('delta');
  });

  for (const name of names) {
    it(`mean the same in both forms: ${name}`, () => {
      expect(binary(name)).toEqual(decodeText(readFileSync(new URL(`${name}.json`, folder), 'utf8')));
    });
  }

  it('end in the same graph, frame by frame or at once', () => {
    const stepwise = new Graph();
    for (const name of ['snapshot', 'delta', 'quiet']) stepwise.apply(binary(name));
    const merged = new Graph();
    for (const name of ['snapshot', 'merged']) merged.apply(binary(name));
    const last = new Graph();
    last.apply(binary('last'));
    const names = (g: Graph): string[] => [...g.serviceList()].map((i) => g.services.name[i]).sort();
    expect(names(last).length).toBeGreaterThan(1);
    for (const g of [stepwise, merged]) {
      expect(names(g)).toEqual(names(last));
      expect(g.callCount).toBe(last.callCount);
    }
  });
});
