package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newRoot returns the command with all subcommands.
func newRoot(io streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "graphctl",
		Short: "The live call graph of your services, from OpenTelemetry spans",
		Long: `graphctl receives the OpenTelemetry spans that services send, works out who
calls whom, keeps that graph on disk, and shows it.

Start with "graphctl demo", or "graphctl serve" and point a service at it:

  export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318

Every flag can be set by an environment variable (--otlp-grpc is
GRAPHCTL_OTLP_GRPC) and by a key of a YAML file given with --config
(otlp-grpc: ...). A flag wins over the environment, that over the file.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          exactArgs(0),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.PersistentFlags().String("config", "", "YAML `file` with values for flags")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{hint{err, fmt.Sprintf("see %q", cmd.CommandPath()+" --help")}}
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return configure(cmd) }
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		newServe(io), newDemo(io), newReplay(io), newExport(io),
		newServices(io), newEdges(io), newDiff(io), newStatus(io),
		newVerify(io), newCompact(io),
		newVersion(io), newCompletion(io), newDraw(io),
	)
	return root
}

// exactArgs demands n arguments.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == n:
			return nil
		case n == 0 && !cmd.HasParent():
			return usageError{hint{fmt.Errorf("unknown command %q", args[0]), `see "graphctl --help"`}}
		}
		return usageError{hint{
			fmt.Errorf("%s takes %d arguments, not %d", cmd.CommandPath(), n, len(args)),
			fmt.Sprintf("see %q", cmd.CommandPath()+" --help"),
		}}
	}
}
