package infer

import (
	"slices"
	"strconv"
	"strings"

	"graphctl/collector"
	"graphctl/graph"
)

// A naming is one way in which an unanswered call names what it calls.
type naming struct {
	rule Rule
	kind graph.EdgeKind
	name func(*collector.Far) (graph.NodeRef, bool)
}

// namings are the ways of rule U1, in order of precedence.
var namings = []naming{
	{RuleDatabase, graph.DatabaseCall, database},
	{RulePeer, graph.RPC, peer},
	{RuleFunction, graph.RPC, function},
	{RuleAddress, graph.RPC, address},
	{RuleRPCService, graph.RPC, rpcService},
}

// farNames is what a Far names, as numbers, worked out once.
type farNames struct {
	known       bool
	hasDatabase bool           // rule D1
	hasSystem   bool           // messaging.system
	kind        graph.EdgeKind // of the call to callee
	rule        Rule           // that named callee
	callee      node           // what an unanswered call goes to (rule U1)
	caller      node           // who an unknown caller is (rule R2)
	destination node           // the destination's own name (rule M2)
	broker      node           // the broker, where no destination is named (rule M2)
	alias       node           // the address that a pair proves (rule A1), none if it is local
}

// far returns what the far side numbered y names. The pointer is good until the
// next call.
func (e *Engine) far(y collector.Sym) *farNames {
	if int(y) < len(e.farBySym) && e.farBySym[y].known {
		return &e.farBySym[y]
	}
	e.farBySym = grown(e.farBySym, int(y))
	f := e.syms.Far(y)
	n := farNames{known: true, hasDatabase: f.HasDatabase(), hasSystem: f.MsgSystem != ""}
	for _, way := range namings {
		if r, ok := way.name(&f); ok {
			n.callee, n.rule, n.kind = e.node(r), way.rule, way.kind
			break
		}
	}
	if r, ok := peer(&f); ok {
		n.caller = e.node(r)
	}
	if r, ok := destination(&f); ok {
		n.destination = e.node(r)
	}
	if r, ok := broker(&f); ok {
		n.broker = e.node(r)
	}
	if r, ok := address(&f); ok && !isLocal(f.Host) {
		n.alias = e.node(r)
	}
	e.farBySym[y] = n
	return &e.farBySym[y]
}

// database names a database (rules D1, D2): by the peer's name, else
// namespace@host, host, namespace or system, whichever is known first.
func database(f *collector.Far) (graph.NodeRef, bool) {
	if !f.HasDatabase() {
		return graph.NodeRef{}, false
	}
	name := f.Peer
	if name == "" {
		port := f.Port
		if slices.Contains(databasePorts[strings.ToLower(f.DBSystem)], port) {
			port = 0
		}
		name = printedAddress(f.Host, port)
		switch {
		case name != "" && f.DBNamespace != "":
			name = f.DBNamespace + "@" + name
		case name == "" && f.DBNamespace != "":
			name = f.DBNamespace
		case name == "":
			name = f.DBSystem
		}
	}
	return graph.NodeRef{Kind: graph.Database, Name: name}, true
}

// databasePorts are the default ports by system (rule D2).
var databasePorts = map[string][]uint16{
	"aerospike":            {3000},
	"arangodb":             {8529},
	"aws.redshift":         {5439},
	"azure.cosmosdb":       {443, 10255},
	"cassandra":            {9042},
	"clickhouse":           {9000, 8123},
	"cockroachdb":          {26257},
	"couchbase":            {11210, 8091},
	"couchdb":              {5984},
	"derby":                {1527},
	"elasticsearch":        {9200},
	"etcd":                 {2379},
	"exasol":               {8563},
	"firebirdsql":          {3050},
	"hbase":                {16000},
	"hive":                 {10000},
	"ibm.db2":              {50000},
	"ibm.informix":         {9088},
	"ibm.netezza":          {5480},
	"influxdb":             {8086},
	"intersystems.cache":   {1972},
	"mariadb":              {3306},
	"memcached":            {11211},
	"microsoft.sql_server": {1433},
	"milvus":               {19530},
	"mongodb":              {27017},
	"mysql":                {3306},
	"neo4j":                {7687},
	"opensearch":           {9200},
	"oracle.db":            {1521},
	"postgresql":           {5432},
	"questdb":              {8812},
	"redis":                {6379},
	"sap.hana":             {30015},
	"sap.maxdb":            {7210},
	"scylladb":             {9042},
	"solr":                 {8983},
	"sybase":               {5000},
	"teradata":             {1025},
	"tidb":                 {4000},
	"trino":                {8080},
	"valkey":               {6379},
	"vertica":              {5433},
	"yugabytedb":           {5433},
}

// peer names a service that may or may not report spans (rules U1, A2).
func peer(f *collector.Far) (graph.NodeRef, bool) {
	return graph.NodeRef{Kind: graph.PeerName, Namespace: f.PeerNamespace, Name: f.Peer}, f.Peer != ""
}

func function(f *collector.Far) (graph.NodeRef, bool) {
	return graph.NodeRef{Kind: graph.PeerName, Name: f.Function}, f.Function != ""
}

func rpcService(f *collector.Far) (graph.NodeRef, bool) {
	return graph.NodeRef{Kind: graph.External, Name: f.RPCService}, f.RPCService != ""
}

func address(f *collector.Far) (graph.NodeRef, bool) {
	return graph.NodeRef{Kind: graph.Address, Name: printedAddress(f.Host, f.Port)}, f.Host != ""
}

// printedAddress prints host or host:port, without the ports 80 and 443 (rule
// U1); an IPv6 host before a port stands in brackets.
func printedAddress(host string, port uint16) string {
	if host == "" || port == 0 || port == 80 || port == 443 {
		return host
	}
	if strings.Contains(host, ":") && host[0] != '[' {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// isLocal reports a host that means whoever says it, and so proves no alias
// (rule A1).
func isLocal(host string) bool {
	host = strings.Trim(host, "[]")
	return host == "localhost" || host == "0.0.0.0" || host == "::1" || host == "::" || strings.HasPrefix(host, "127.")
}

// destination names a destination by its own attributes (rule M2).
func destination(f *collector.Far) (graph.NodeRef, bool) {
	name := f.Destination
	if f.MsgSystem != "" {
		name = f.MsgSystem + ":" + name
	}
	return graph.NodeRef{Kind: graph.Messaging, Name: name}, f.Destination != ""
}

// broker names what carries messages where no destination is named (rule M2).
func broker(f *collector.Far) (graph.NodeRef, bool) {
	name := f.MsgSystem
	if name == "" {
		name = f.Peer
	}
	if name == "" {
		name = printedAddress(f.Host, f.Port)
	}
	return graph.NodeRef{Kind: graph.Messaging, Name: name}, name != ""
}
