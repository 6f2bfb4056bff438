// Package database opens the SQL databases of the sample company: SQLite in
// memory behind database/sql, instrumented with otelsql.
package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/XSAM/otelsql"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the driver named sqlite

	"graphctl/sampleapps/telemetry"
)

// Open makes an empty database and runs the statements of its schema. Each
// later query becomes one client span. The caller closes the database, and
// with it its content.
//
// otelsql cannot know what is behind a driver, so the attributes that name the
// database are given here. SQLite has no server, hence no server.address: the
// name of the database is all there is, and all that a graph can show.
func Open(ctx context.Context, t *telemetry.Tracing, name string, schema ...string) (*sql.DB, error) {
	db, err := otelsql.Open("sqlite", "file:"+name+"?mode=memory",
		otelsql.WithTracerProvider(t.Provider),
		otelsql.WithAttributes(
			semconv.DBSystemNameSQLite,
			semconv.DBNamespace(name),
		),
		otelsql.WithSpanNameFormatter(func(_ context.Context, method otelsql.Method, query string) string {
			return spanName(string(method), query, name)
		}),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			// One span a query: what the driver does between queries is no
			// call, and reading the rows belongs to the query.
			OmitRows:             true,
			OmitConnResetSession: true,
			OmitConnectorConnect: true,
			OmitConnPrepare:      true,
			DisableErrSkip:       true,
			SpanFilter:           withinRequest,
		}))
	if err != nil {
		return nil, fmt.Errorf("database: open %s: %w", name, err)
	}
	// A database in memory lives in its connection: keep exactly one.
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	for _, statement := range schema {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("database: create %s: %w (and closing: %v)", name, err, db.Close())
		}
	}
	return db, nil
}

// spanName follows the conventions, "operation target", so that there are few
// distinct names: the text of a query is in db.query.text.
func spanName(method, query, target string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if word == "" {
		word = method
	}
	return strings.ToUpper(word) + " " + target
}

// withinRequest leaves out queries that nobody asked for: schema and seed.
func withinRequest(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
	return trace.SpanContextFromContext(ctx).IsValid()
}
