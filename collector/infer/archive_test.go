package infer_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"testing"
)

// A memoryArchive keeps records in memory.
type memoryArchive map[uint64]keptTrace

type keptTrace struct {
	lastSeen int64
	record   []byte
}

func (a memoryArchive) Keep(low uint64, lastSeen int64, record []byte) bool {
	a[low] = keptTrace{lastSeen, bytes.Clone(record)}
	return true
}

func (a memoryArchive) Recall(low uint64, oldest int64) []byte {
	if k, ok := a[low]; ok && k.lastSeen > oldest {
		return k.record
	}
	return nil
}

// copyArchives gives r archives of its own with what those of o hold.
func (r *replay) copyArchives(o *replay) {
	for i := range r.options {
		if a, ok := o.options[i].Archive.(memoryArchive); ok {
			r.options[i].Archive = maps.Clone(a)
		}
	}
}

// Among the random runs of the property tests are many in which traces leave
// memory, come back, and have to leave early.
func TestRandomRunsPack(t *testing.T) {
	var packed, recalled, early uint64
	for seed := range uint64(50) {
		steps := randomSteps(rand.New(rand.NewPCG(seed, 0)))
		for _, few := range []bool{false, true} {
			r := setup{lanes: 1, archive: true, few: few}.start(steps)
			if err := r.play(steps); err != nil {
				t.Fatal(err)
			}
			for _, e := range r.engines {
				c := e.Counters()
				packed, recalled = packed+c.Packed, recalled+c.Recalled
				if c.Evicted > 0 || c.Refused > 0 || c.LinksDropped > 0 || c.Late > 0 {
					t.Errorf("seed %d: something was lost: %+v", seed, c)
				}
				if few {
					early += c.Packed
				} else {
					early -= c.Packed
				}
			}
		}
	}
	if packed == 0 || recalled == 0 || int64(early) <= 0 {
		t.Errorf("%d traces were packed, %d brought back, %d packed early", packed, recalled, int64(early))
	}
}
