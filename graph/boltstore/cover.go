package boltstore

import (
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// What it costs to read a bucket of a level, in minutes: most of it is sketches,
// which fill up. 2,700 calls fill 165 buckets, 45 calls 37, seven 7.
var costs = map[time.Duration]float64{
	graph.Coarse: 4.5,
	graph.Medium: 1,
	graph.Fine:   0.2,
}

// cover returns the bases that add up to the sum of [from, to), pages left out.
// The bounds are ends of the finest buckets kept there. A bucket that lies
// inside in part is read whole, less what is outside, if that costs less.
func (k kept) cover(tx *bbolt.Tx, from, to graph.Instant) ([]term, error) {
	var stored [3][]graph.Instant
	for i, l := range levels() {
		var err error
		stored[i], err = starts(tx, l.base, max(k.since(l), from.Floor(graph.Coarse)), to.Ceil(graph.Coarse))
		if err != nil {
			return nil, err
		}
	}
	c := coverer{kept: k, stored: stored}
	terms, _ := c.cover(len(stored)-1, span{from, to})
	return terms, nil
}

type coverer struct {
	kept   kept
	stored [3][]graph.Instant // starts of the buckets that there are, by level
}

// cover covers s with buckets of level i and below.
func (c *coverer) cover(i int, s span) (terms []term, cost float64) {
	if s.from >= s.to {
		return nil, 0
	}
	l := levels()[i]
	first, _ := slices.BinarySearch(c.stored[i], s.from.Floor(l.width))
	for _, at := range c.stored[i][first:] {
		if at >= s.to {
			break
		}
		bucket := span{at, at + graph.Instant(l.width)}
		t, n := c.bucket(i, bucket, span{max(at, s.from), min(bucket.to, s.to)})
		terms, cost = append(terms, t...), cost+n
	}
	return terms, cost
}

// bucket covers the part of a bucket of level i that lies inside.
func (c *coverer) bucket(i int, bucket, inside span) ([]term, float64) {
	l := levels()[i]
	whole := []term{{l, bucket.from, 1}}
	if inside == bucket || i == 0 || c.kept.since(levels()[i-1]) > bucket.from {
		return whole, costs[l.width]
	}
	terms, cost := c.cover(i-1, inside)
	before, n := c.cover(i-1, span{bucket.from, inside.from})
	after, m := c.cover(i-1, span{inside.to, bucket.to})
	if costs[l.width]+n+m >= cost {
		return terms, cost
	}
	for _, t := range append(before, after...) {
		t.sign = -t.sign
		whole = append(whole, t)
	}
	return whole, costs[l.width] + n + m
}
