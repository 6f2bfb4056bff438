package export_test

import (
	"fmt"
	"os"
	"time"

	"graphctl/graph"
	"graphctl/graph/export"
)

func Example() {
	start := graph.InstantOf(time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC))
	g := &graph.Graph{
		From: start, To: start + graph.Instant(time.Minute), Resolution: 10 * time.Second,
		Nodes: []graph.Node{
			{ID: "shop/cart", Namespace: "shop", Name: "cart", Kind: graph.Service},
			{ID: "shop/web", Namespace: "shop", Name: "web", Kind: graph.Service},
		},
		Edges: []graph.Edge{{From: "shop/web", To: "shop/cart", Kind: graph.RPC, Stats: graph.Stats{Calls: 12, Errors: 1}}},
	}
	format, ok := export.Find(export.Formats, "mermaid")
	if !ok {
		fmt.Println("no such format")
		return
	}
	if err := format.Write(os.Stdout, g, export.Options{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// flowchart LR
	//   n0["shop/cart"]
	//   n1["shop/web"]
	//   n1 -->|"12 / 1 err"| n0
}
