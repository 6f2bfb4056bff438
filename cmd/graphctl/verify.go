package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphctl/graph/boltstore"
)

// verdict is what verify says with -o json.
type verdict struct {
	File    string `json:"file"`
	Good    bool   `json:"good"`
	Damaged bool   `json:"damaged"`         // else what is wrong is not the file
	Error   string `json:"error,omitempty"` // of a file that is not good
	Format  uint32 `json:"format"`
	Bytes   int64  `json:"bytes"`
	Names   int    `json:"names"`
	Sums    int    `json:"sums"`    // values that hold sums of a bucket
	Changes int    `json:"changes"` // values that hold what is not yet in the sums
}

func newVerify(io streams) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a graph.db from end to end, without changing it",
		Long: `Check the graph.db of a stopped server from end to end: its pages and how they
hang together, and every value with its checksum and form. The file is only read.

It exits with 0 if the file is good, and with 1 if it is not.`,
		Example: `  graphctl verify /var/lib/graphctl/graph.db`,
		Args:    exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("-o %s: formats are text, json", format)
			}
			return verify(io, args[0], format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "`format`: text, json")
	return cmd
}

func verify(io streams, path, format string) error {
	p := newProgress(io.err)
	r, err := boltstore.Verify(path, func(n int64) { p.show("%s: %d MB read", path, n>>20) })
	p.clear()
	v := verdict{
		File: path, Good: err == nil, Damaged: errors.Is(err, boltstore.ErrDamaged),
		Format: r.Format, Bytes: r.Bytes, Names: r.Names, Sums: r.Bases, Changes: r.Pages,
	}
	if err != nil {
		v.Error = err.Error()
	}
	if werr := v.write(io.out, format); werr != nil {
		return werr
	}
	return explainStore(err)
}

func (v *verdict) write(w io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(v)
	}
	if !v.Good {
		return nil // the error says it
	}
	_, err := fmt.Fprintf(w, "%s is good: format %d, %d bytes, all pages linked; checked %d names, %d sums, %d changes\n",
		v.File, v.Format, v.Bytes, v.Names, v.Sums, v.Changes)
	return err
}

// How long a verification may take: the least, and for each byte of the file.
// Reading and decoding runs at some 100 MB/s; a slow disk gets a tenth of that.
const (
	verifyTime    = 30 * time.Second
	verifyPerByte = 100 * time.Nanosecond
)

// verifyInChild verifies a file in a process of its own: one that crashes, or
// does not come to an end, means that the file is damaged.
func verifyInChild(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("verify %s: %w", path, err)
	}
	limit := verifyTime + time.Duration(info.Size())*verifyPerByte
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	child := exec.CommandContext(ctx, self, "verify", "-o", "json", path)
	var out, errs bytes.Buffer
	child.Stdout, child.Stderr = &out, &errs
	err = child.Run()
	var v verdict
	switch known := json.Unmarshal(out.Bytes(), &v) == nil; {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: verifying did not end within %v", boltstore.ErrDamaged, limit)
	case known && v.Good && err == nil:
		return nil
	case known && !v.Damaged && v.Error != "":
		return errors.New(v.Error)
	case known && v.Error != "":
		return fmt.Errorf("%w: %s", boltstore.ErrDamaged, v.Error)
	case child.ProcessState == nil:
		return fmt.Errorf("verify %s: %w", path, err)
	}
	first, _, _ := strings.Cut(errs.String(), "\n")
	return fmt.Errorf("%w: verifying ended with %v: %s", boltstore.ErrDamaged, err, first)
}
