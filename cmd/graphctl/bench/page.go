package main

import (
	"fmt"
	"os"
	"strings"
)

// Lines between which the table stands.
const (
	tableBegins = "<!-- make bench writes from here -->\n"
	tableEnds   = "<!-- to here -->\n"
)

// replaceTable puts the table in its place on the page.
func replaceTable(page, table string) error {
	b, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	before, rest, begins := strings.Cut(string(b), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("write the table: %s lacks the lines %q and %q", page, tableBegins, tableEnds)
	}
	text := before + tableBegins + "\n" + strings.TrimSpace(table) + "\n\n" + tableEnds + after
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
