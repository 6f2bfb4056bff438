package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphctl/graph/api"
)

func newStatus(io streams) *cobra.Command {
	var read readOptions
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a running server does, and what became of every span",
		Example: `  graphctl status
  graphctl status -o json | jq .accounting`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !strings.Contains(", "+tableFormats+",", ", "+format+",") {
				return usagef("-o %s: formats are %s", format, tableFormats)
			}
			body, err := read.get(cmd.Context(), "/api/v1/status")
			if err != nil {
				return err
			}
			if format == "json" {
				_, err := io.out.Write(body)
				return err
			}
			var s api.Status
			if err := json.Unmarshal(body, &s); err != nil {
				return fmt.Errorf("answer of %s: %w", read.server, err)
			}
			return statusTable(&s).write(io.out, format)
		},
	}
	read.addServer(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`format`: "+tableFormats)
	return cmd
}

// statusTable lists what s says.
func statusTable(s *api.Status) *table {
	t := &table{columns: []string{"WHAT", "VALUE"}, wide: 2}
	put := func(what string, value any) { t.rows = append(t.rows, []any{what, value}) }
	put("version", s.Version)
	put("up", time.Duration(s.UptimeS*float64(time.Second)).Round(time.Second).String())
	put("web", s.Ports.Web)
	put("otlp/grpc", s.Ports.OTLPGRPC)
	put("otlp/http", s.Ports.OTLPHTTP)
	put("zipkin", s.Ports.Zipkin)
	put("settle", time.Duration(s.SettleS*float64(time.Second)).String())
	put("horizon", time.Duration(s.HorizonS*float64(time.Second)).String())
	put("durability", s.Durability.Text)
	put("store", fmt.Sprintf("%s, %d bytes, %d commits, %d failed", s.Store.Kind, s.Store.Bytes, s.Store.Commits, s.Store.Errors))
	if s.Store.Error != "" {
		put("store error", s.Store.Error)
	}
	put("streams", s.StreamClients)
	put("spans received", s.Accounting.Received)
	for _, b := range s.Accounting.Buckets {
		if b.Spans > 0 {
			put("  "+strings.ReplaceAll(b.Name, "_", " "), b.Spans)
		}
	}
	put("metrics dropped", fmt.Sprintf("%d requests", s.DroppedSignals.Metrics))
	put("logs dropped", fmt.Sprintf("%d requests", s.DroppedSignals.Logs))
	for _, m := range s.Marks {
		put("attention", m.Text)
	}
	return t
}
