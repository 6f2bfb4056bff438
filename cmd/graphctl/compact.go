package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"graphctl/graph/boltstore"
)

func newCompact(io streams) *cobra.Command {
	return &cobra.Command{
		Use:   "compact FILE",
		Short: "Rewrite a graph.db without the room that it does not use",
		Long: `Rewrite the graph.db of a stopped server without the room that it does not use,
and say how large it was and is. What was deleted, or given up for want of room,
leaves such room behind; the server fills it before the file grows, but the disk
does not get it back.

The new file takes the name of the old one when it is complete: until then the
disk must hold both. A file of an older format gets that of today.`,
		Example: `  graphctl compact /var/lib/graphctl/graph.db`,
		Args:    exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			before, after, err := boltstore.Compact(args[0])
			if err != nil {
				return explainStore(err)
			}
			_, err = fmt.Fprintf(io.out, "%s: %d bytes before, %d after\n", args[0], before, after)
			return err
		},
	}
}
