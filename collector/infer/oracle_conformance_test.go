package infer_test

import (
	"testing"

	"graphctl/collector"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

// The oracle itself agrees with the conformance data.
func TestOracleConformance(t *testing.T) {
	for _, c := range conformanceCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			syms := collector.NewSymbols()
			read := otlpJSON(syms)
			var spans []received
			for _, q := range c.given(t) {
				spans = append(spans, decodeAll(t, syms, read, q.body)...)
			}
			store := memstore.New()
			batch := graph.Batch{Origin: graph.Origin{Epoch: 1}, Seq: 1, Delta: evaluate(spans)}
			if err := store.Apply(t.Context(), []graph.Batch{batch}); err != nil {
				t.Fatal(err)
			}
			c.compare(t, func(t *testing.T, q graph.Query) *graph.Graph {
				g, err := store.Read(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				return g
			})
		})
	}
}
