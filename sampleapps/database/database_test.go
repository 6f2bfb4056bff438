package database_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"graphctl/sampleapps/database"
	"graphctl/sampleapps/telemetry"
)

// A query within a request is one client span that names the database; the
// schema, and queries that nobody asked for, are none.
func TestOneSpanAQuery(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	db, err := database.Open(t.Context(), &telemetry.Tracing{Provider: provider}, "things",
		`CREATE TABLE things (id INTEGER PRIMARY KEY)`, `INSERT INTO things VALUES (7)`)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := len(spans.Started()); n != 0 {
		t.Errorf("spans of the schema: got %d, want none", n)
	}
	ctx, request := provider.Tracer("test").Start(t.Context(), "request")
	var id int
	if err := db.QueryRowContext(ctx, `SELECT id FROM things WHERE id > ?`, 1).Scan(&id); err != nil || id != 7 {
		t.Fatalf("query: got %d, %v, want 7", id, err)
	}
	request.End()
	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("spans: got %d, want the query and the request", len(ended))
	}
	if got, want := ended[0].Name(), "SELECT things"; got != want {
		t.Errorf("name: got %q, want %q", got, want)
	}
	want := map[string]string{"db.system.name": "sqlite", "db.namespace": "things"}
	for _, a := range ended[0].Attributes() {
		if w, ok := want[string(a.Key)]; ok && w == a.Value.AsString() {
			delete(want, string(a.Key))
		}
	}
	if len(want) > 0 {
		t.Errorf("attributes: got %v, want also %v", ended[0].Attributes(), want)
	}
}

// Two databases are two, also with one name.
func TestDatabasesAreApart(t *testing.T) {
	tracing := &telemetry.Tracing{Provider: sdktrace.NewTracerProvider()}
	for range 2 {
		db, err := database.Open(t.Context(), tracing, "same", `CREATE TABLE only_once (id INTEGER)`)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
	}
}

func TestBrokenSchemaIsAnError(t *testing.T) {
	tracing := &telemetry.Tracing{Provider: sdktrace.NewTracerProvider()}
	if db, err := database.Open(t.Context(), tracing, "broken", `CREATE NOTHING`); err == nil {
		db.Close()
		t.Error("a statement that does not parse was accepted")
	}
}
