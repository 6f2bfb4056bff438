package graph

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestNumbersAreOneToOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func(n int) string { return fmt.Sprint(rng.IntN(n)) }
	ref := func() NodeRef { return NodeRef{NodeKind(rng.IntN(3)), some(3), some(5)} }
	subjects, all := map[Subject]SubjectID{}, map[SubjectID]Subject{}
	for range 20_000 {
		s := Subject{SubjectKind(rng.IntN(3)), EdgeKind(rng.IntN(3)), ref(), ref(), some(3)}
		id := s.ID()
		if was, ok := subjects[s]; ok && was != id {
			t.Fatalf("%v had the number %d, now %d", s, was, id)
		}
		if was, ok := all[id]; ok && was != s {
			t.Fatalf("%v and %v have the number %d", was, s, id)
		}
		subjects[s], all[id] = id, s
		if id.Value() != s || id.Of() != s.Of {
			t.Fatalf("number of %v is that of %v", s, id.Value())
		}
	}
	if (Subject{}).ID() != 0 || (Facets{}).ID() != 0 {
		t.Error("zero values do not have the number 0")
	}
}

func TestNumbersInParallel(t *testing.T) {
	const workers, values = 8, 5000
	var got [workers][values]FacetsID
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range values {
				f := Facets{From: Facet{Team: fmt.Sprint("parallel", (i*(w+1))%values)}}
				got[w][i] = f.ID()
				if got[w][i].Value() != f {
					t.Errorf("worker %d: number %d is not that of %v", w, got[w][i], f)
				}
			}
		})
	}
	wg.Wait()
	for w := range workers {
		for i := range values {
			if got[w][i] != got[0][(i*(w+1))%values] {
				t.Fatalf("worker %d has another number for value %d", w, i)
			}
		}
	}
}

func BenchmarkSubjectID(b *testing.B) {
	var all [1 << 10]Subject
	for i := range all {
		all[i] = Subject{Of: OfEdge, From: NodeRef{Kind: Service, Name: fmt.Sprint("from", i)}, To: NodeRef{Kind: Service, Name: fmt.Sprint("to", i)}}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		all[i%len(all)].ID()
	}
}
