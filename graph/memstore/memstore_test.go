package memstore_test

import (
	"testing"

	"graphctl/graph"
	"graphctl/graph/memstore"
	"graphctl/graph/storetest"
)

// The map keeps the contract of a store.
func TestStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) graph.Store { return memstore.New() })
}
