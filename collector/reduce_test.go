package collector

import (
	"strings"
	"testing"
)

// attrs are alternating keys and values.
type attrs []any

func value(v any) Value {
	switch v := v.(type) {
	case nil:
		return Value{}
	case string:
		return Value{Type: String, Text: []byte(v)}
	case int:
		return Value{Type: Int, Int: int64(v)}
	case float64:
		return Value{Type: Double, Double: v}
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return Value{Type: Bool, Int: n}
	case []any:
		return Value{Type: Composite}
	}
	panic("no such value")
}

func reduce(r *Reducer, k Kind, f Fields, as attrs) Span {
	r.BeginSpan()
	for i := 0; i < len(as); i += 2 {
		if a := SpanAttribute([]byte(as[i].(string))); a != 0 {
			r.Set(a, value(as[i+1]))
		}
	}
	s := Span{Kind: k, Start: year2000, End: year2000 + 1}
	r.EndSpan(&s, &f)
	return s
}

func resource(r *Reducer, as attrs) Sym {
	r.BeginResource()
	for i := 0; i < len(as); i += 2 {
		r.SetResource([]byte(as[i].(string)), value(as[i+1]))
	}
	return r.EndResource()
}

// Rules N1 to N3.
func TestResource(t *testing.T) {
	for _, c := range []struct {
		in   attrs
		want Resource
	}{
		{attrs{}, Resource{}},
		{attrs{"service.name", " Cart\t", "service.namespace", " shop "}, Resource{Name: "Cart", Namespace: "shop"}},
		{attrs{"service.name", "a", "service.name", "b"}, Resource{Name: "b"}},
		{attrs{"service.name", "a", "service.name", nil}, Resource{}},
		{attrs{"service.name", 5}, Resource{}},
		{attrs{"service.name", " ", "faas.name", "fn"}, Resource{Name: "fn"}},
		{attrs{"k8s.job.name", "j", "k8s.deployment.name", "d"}, Resource{Name: "d"}},
		{attrs{"k8s.statefulset.name", "s", "k8s.daemonset.name", "d"}, Resource{Name: "s"}},
		{attrs{"k8s.cronjob.name", "c", "k8s.job.name", "j"}, Resource{Name: "c"}},
		{attrs{"process.executable.name", "java"}, Resource{Name: "unknown_service:java"}},
		{attrs{"service.name", "unknown_service:x", "process.executable.name", "java"}, Resource{Name: "unknown_service:x"}},
		{attrs{"service.name", "a", "deployment.environment", "old", "deployment.environment.name", "new", "service.version", "1", "team", "t"},
			Resource{Name: "a", Environment: "new", Version: "1", Team: "t"}},
		{attrs{"service.name", "a", "deployment.environment", "old"}, Resource{Name: "a", Environment: "old"}},
		{attrs{"service.name", "a\x00b"}, Resource{Name: "a\uFFFDb"}},
	} {
		s := NewSymbols()
		if got := s.Resource(resource(NewReducer(s, ReduceOptions{}), c.in)); got != c.want {
			t.Errorf("%v\n got %+v\nwant %+v", c.in, got, c.want)
		}
	}
	s := NewSymbols()
	r := NewReducer(s, ReduceOptions{TeamAttribute: "service.namespace"})
	if got := s.Resource(resource(r, attrs{"service.name", "a", "service.namespace", "n"})); got.Team != "n" || got.Namespace != "n" {
		t.Errorf("an attribute in two parts: %+v", got)
	}
}

// Rules K1 and K2.
func TestRole(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		in   attrs
		want Role
	}{
		{KindServer, attrs{"messaging.system", "kafka"}, In},
		{KindInternal, attrs{"db.system", "redis"}, Local},
		{KindUnspecified, attrs{}, Local},
		{KindUnspecified, attrs{"server.address", "a"}, Local},
		{KindUnspecified, attrs{"peer.service", ""}, Local},
		{KindUnspecified, attrs{"peer.service", "a"}, Out},
		{KindUnspecified, attrs{"db.name", "a"}, Out},
		{KindUnspecified, attrs{"messaging.operation", "process"}, Out},
		{KindUnspecified, attrs{"messaging.destination.name", "a"}, Publish},
		{KindClient, attrs{}, Out},
		{KindClient, attrs{"messaging.operation.type", "receive"}, Out},
		{KindClient, attrs{"messaging.system", "kafka"}, Publish},
		{KindClient, attrs{"messaging.system", "kafka", "messaging.operation.type", "receive"}, Receive},
		{KindClient, attrs{"messaging.destination", "a", "messaging.operation", "process"}, Process},
		{KindClient, attrs{"messaging.destination.anonymous", true}, Publish},
		{KindProducer, attrs{}, Publish},
		{KindProducer, attrs{"messaging.operation.type", "create"}, Create},
		{KindProducer, attrs{"messaging.operation", "publish"}, Publish},
		{KindProducer, attrs{"messaging.operation.type", "settle"}, Settle},
		{KindConsumer, attrs{}, Process},
		{KindConsumer, attrs{"messaging.operation", "deliver"}, Process},
		{KindConsumer, attrs{"messaging.operation.type", "send"}, Publish},
		{KindConsumer, attrs{"messaging.operation.type", "receive", "messaging.operation", "process"}, Receive},
		{KindConsumer, attrs{"messaging.operation.type", "other"}, Process},
	} {
		r := NewReducer(NewSymbols(), ReduceOptions{})
		if got := reduce(r, c.kind, Fields{}, c.in).Role; got != c.want {
			t.Errorf("kind %d, %v: role %d, want %d", c.kind, c.in, got, c.want)
		}
	}
}

// Rules U1, D1, D2 and M2: what is kept of the far side.
func TestFar(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		in   attrs
		want Far
	}{
		{KindClient, attrs{}, Far{}},
		{KindClient, attrs{"peer.service", "old", "service.peer.name", " new ", "service.peer.namespace", "n"}, Far{Peer: "new", PeerNamespace: "n"}},
		{KindClient, attrs{"peer.service", "old", "service.peer.namespace", "n"}, Far{Peer: "old"}},
		{KindClient, attrs{"faas.invoked_name", "fn"}, Far{Function: "fn"}},
		{KindClient, attrs{"server.address", "API.Example", "server.port", 443, "url.full", "http://x/"}, Far{Host: "api.example", Port: 443}},
		{KindClient, attrs{"server.address", "[::1]", "server.port", "8080"}, Far{Host: "::1", Port: 8080}},
		{KindClient, attrs{"server.address", "a", "net.peer.port", 80}, Far{Host: "a"}},
		{KindClient, attrs{"server.address", "a", "server.port", 65536}, Far{Host: "a"}},
		{KindClient, attrs{"server.address", " ", "url.full", "https://u@[2001:DB8::1]:99/p"}, Far{Host: "2001:db8::1", Port: 99}},
		{KindClient, attrs{"url.full", "/path", "net.peer.name", "n", "net.peer.port", 1.0}, Far{Host: "n", Port: 1}},
		{KindClient, attrs{"http.host", "H:81", "http.url", "http://x:82?q"}, Far{Host: "h", Port: 81}},
		{KindClient, attrs{"http.url", "http://x:82?q@y"}, Far{Host: "x", Port: 82}},
		{KindClient, attrs{"http.url", "http://u:p@x#y"}, Far{Host: "x"}},
		{KindClient, attrs{"network.peer.address", "10.0.0.1", "network.peer.port", 5, "net.sock.peer.name", "s"}, Far{Host: "10.0.0.1", Port: 5}},
		{KindClient, attrs{"net.sock.peer.addr", "b", "net.sock.peer.name", "a", "net.sock.peer.port", 7}, Far{Host: "a", Port: 7}},
		{KindClient, attrs{"net.sock.peer.addr", "b", "net.peer.ip", "c", "net.sock.peer.port", 7}, Far{Host: "b", Port: 7}},
		{KindClient, attrs{"net.peer.ip", "c", "net.peer.port", 9}, Far{Host: "c", Port: 9}},
		{KindClient, attrs{"server.address", "BÄR"}, Far{Host: "bär"}},
		{KindClient, attrs{"rpc.service", "S", "rpc.method", "pkg.T/m"}, Far{RPCService: "S"}},
		{KindClient, attrs{"rpc.method", "/pkg.T/m"}, Far{RPCService: "pkg.T"}},
		{KindClient, attrs{"rpc.method", "m"}, Far{}},
		{KindClient, attrs{"db.system", "mssql", "db.name", "d"}, Far{DBSystem: "microsoft.sql_server", DBNamespace: "d"}},
		{KindClient, attrs{"db.system", "redis", "db.system.name", "oracle", "db.namespace", "n", "db.name", "d"}, Far{DBSystem: "oracle.db", DBNamespace: "n"}},
		{KindClient, attrs{"db.system", "db2"}, Far{DBSystem: "ibm.db2"}},
		{KindClient, attrs{"db.system", "dynamodb"}, Far{DBSystem: "aws.dynamodb"}},
		{KindClient, attrs{"db.system", "cosmosdb"}, Far{DBSystem: "azure.cosmosdb"}},
		{KindClient, attrs{"db.system", 5, "db.name", ""}, Far{}},
		{KindProducer, attrs{"messaging.system", "kafka", "messaging.destination", "old", "messaging.destination.name", "new"}, Far{MsgSystem: "kafka", Destination: "new"}},
		{KindProducer, attrs{"messaging.destination.template", "t", "messaging.destination.name", "n", "messaging.destination.temporary", true}, Far{Destination: "t"}},
		{KindProducer, attrs{"messaging.destination.name", "n", "messaging.destination.temporary", true}, Far{Destination: "(temporary)"}},
		{KindProducer, attrs{"messaging.destination.name", "n", "messaging.destination.anonymous", false}, Far{Destination: "n"}},
		{KindProducer, attrs{"messaging.temp_destination", true}, Far{Destination: "(temporary)"}},
		{KindProducer, attrs{"messaging.destination", "", "messaging.rabbitmq.routing_key", "k"}, Far{Destination: "k"}},
		{KindProducer, attrs{"messaging.rabbitmq.destination.routing_key", "k"}, Far{Destination: "k"}},
		{KindConsumer, attrs{"messaging.operation.type", "settle", "messaging.destination.name", "n"}, Far{}},
		{KindServer, attrs{"peer.service", "p", "net.sock.peer.addr", "1.2.3.4", "net.sock.peer.port", 54321, "db.name", "d"}, Far{Peer: "p"}},
		{KindInternal, attrs{"peer.service", "p", "db.name", "d"}, Far{}},
		{KindClient, attrs{"server.address", strings.Repeat("x", 300)}, Far{Host: strings.Repeat("x", 248) + "970138f5"}},
		{KindClient, attrs{"db.name", "a\xff"}, Far{DBNamespace: "a\uFFFD"}},
	} {
		s := NewSymbols()
		r := NewReducer(s, ReduceOptions{})
		if got := s.Far(reduce(r, c.kind, Fields{}, c.in).Far); got != c.want {
			t.Errorf("kind %d, %v\n got %+v\nwant %+v", c.kind, c.in, got, c.want)
		}
	}
}

// Rule E1.
func TestFailed(t *testing.T) {
	for _, c := range []struct {
		status int32
		in     attrs
		want   bool
	}{
		{StatusUnset, attrs{}, false},
		{StatusError, attrs{}, true},
		{StatusOK, attrs{"error", true, "error.type", "x", "http.status_code", 500}, false},
		{StatusUnset, attrs{"error.type", "timeout"}, true},
		{StatusUnset, attrs{"error.type", ""}, false},
		{StatusUnset, attrs{"error.type", 5}, true},
		{StatusUnset, attrs{"error", true}, true},
		{StatusUnset, attrs{"error", false}, false},
		{StatusUnset, attrs{"error", "False"}, false},
		{StatusUnset, attrs{"error", ""}, true},
		{StatusUnset, attrs{"error", []any{}}, true},
		{StatusUnset, attrs{"error", true, "error", nil}, false},
		{StatusUnset, attrs{"http.response.status_code", 499}, false},
		{StatusUnset, attrs{"http.response.status_code", 500}, true},
		{StatusUnset, attrs{"http.status_code", "503"}, true},
		{StatusUnset, attrs{"http.response.status_code", 200, "http.status_code", 500}, false},
		{StatusUnset, attrs{"rpc.grpc.status_code", 14}, true},
		{StatusUnset, attrs{"rpc.grpc.status_code", 5}, false},
		{StatusUnset, attrs{"rpc.response.status_code", "UNAVAILABLE"}, true},
		{StatusUnset, attrs{"rpc.response.status_code", "data_loss"}, true},
		{StatusUnset, attrs{"rpc.response.status_code", "NOT_FOUND", "rpc.grpc.status_code", 14}, false},
		{StatusUnset, attrs{"rpc.status_code", "4"}, true},
		{99, attrs{"error", true}, true},
	} {
		r := NewReducer(NewSymbols(), ReduceOptions{})
		s := reduce(r, KindServer, Fields{Status: c.status}, c.in)
		if got := s.Is(Failed); got != c.want {
			t.Errorf("status %d, %v: failed %v, want %v", c.status, c.in, got, c.want)
		}
	}
}

func TestSpanRest(t *testing.T) {
	s := NewSymbols()
	r := NewReducer(s, ReduceOptions{})
	for _, c := range []struct {
		flags uint32
		in    attrs
		want  Flags
	}{
		{0x300, nil, ParentRemote}, {0x301, nil, ParentRemote}, {0x100, nil, 0}, {0x200, nil, 0},
		{0, attrs{"faas.trigger", "timer"}, Triggered}, {0, attrs{"faas.trigger", "http"}, 0}, {0, attrs{"faas.trigger", ""}, 0},
	} {
		if got := reduce(r, KindServer, Fields{Flags: c.flags}, c.in).Flags; got != c.want {
			t.Errorf("flags %x, %v: %b, want %b", c.flags, c.in, got, c.want)
		}
	}
	for _, c := range []struct {
		in   any
		want int32
	}{{nil, NoCount}, {0, 0}, {5, 5}, {"7", 7}, {-1, NoCount}, {1 << 40, 1<<31 - 1}, {"x", NoCount}, {2.0, 2}, {2.5, NoCount}} {
		if got := reduce(r, KindConsumer, Fields{}, attrs{"messaging.batch.message_count", c.in}).Messages; got != c.want {
			t.Errorf("count %v: %d, want %d", c.in, got, c.want)
		}
	}
	long := strings.Repeat("é", 300)
	y := reduce(r, KindServer, Fields{Name: []byte(long)}, nil).Name
	if got := s.Text(y); len(got) > MaxSpanName || !strings.HasPrefix(got, "ééé") {
		t.Errorf("a long name became %q", got)
	}
	if again := reduce(r, KindServer, Fields{Name: []byte(long)}, nil).Name; again != y {
		t.Errorf("a long name has two numbers, %d and %d", y, again)
	}
}

// Times that cannot be are counted and left as they are.
func TestImplausible(t *testing.T) {
	const start = 1_760_000_000_000_000_000
	for _, c := range []struct {
		start, end int64
		want       bool
	}{
		{start, start, false}, {start, start + day, false}, {start, start - 1, true}, {start, start + day + 1, true},
		{0, 0, true}, {0, start, true}, {7258118400_000_000_000, 7258118400_000_000_001, true}, {1<<63 - 1, 1<<63 - 1, true},
	} {
		if got := implausible(c.start, c.end); got != c.want {
			t.Errorf("%d to %d: %v, want %v", c.start, c.end, got, c.want)
		}
	}
}
