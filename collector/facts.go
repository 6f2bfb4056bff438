package collector

// A Resource is who reported a span (rules N1 to N3).
type Resource struct {
	Namespace, Name string // trimmed, case kept. Name is "" if the resource names nothing (rule N3): the span is nameless
	Environment     string // deployment.environment.name, else deployment.environment
	Version         string // service.version
	Team            string // of the configured resource attribute
}

// A Far is what a span's attributes say about the far side of a call, with old
// and new attribute names already merged (rule I2). It holds facts, not
// decisions: which of them names a node is for package infer.
type Far struct {
	// Peer and PeerNamespace: service.peer.name and service.peer.namespace,
	// else peer.service and none.
	Peer, PeerNamespace string
	Function            string // faas.invoked_name
	// Host and Port: the first address in the order of rule U1, lower case,
	// with its own port, 0 if unknown. Default ports are kept here.
	Host        string
	Port        uint16
	RPCService  string // rpc.service, else the part of rpc.method before the last "/"
	DBSystem    string // db.system.name, else db.system, in its new spelling (rule D2)
	DBNamespace string // db.namespace, else db.name
	MsgSystem   string // messaging.system
	// Destination: the destination's own name in the order of rule M2, without
	// the system; "" if the span has none.
	Destination string
}

// IsZero reports that nothing is known.
func (f *Far) IsZero() bool { return *f == Far{} }

// HasDatabase reports database attributes (rule D1).
func (f *Far) HasDatabase() bool { return f.DBSystem != "" || f.DBNamespace != "" }
