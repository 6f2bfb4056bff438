package collector

// An Attribute is an attribute key that a rule reads, 0 for all others.
type Attribute uint8

// Attributes of spans. Where old and new names follow each other the new one
// comes first.
const (
	noAttribute Attribute = iota

	attrPeerName
	attrPeerNamespace
	AttrPeerService // peer.service
	attrInvokedName
	attrTrigger

	// Addresses in the order of rule U1; see addresses.
	attrServerAddress
	attrURLFull
	attrNetPeerName
	attrHTTPHost
	attrHTTPURL
	attrNetworkPeerAddress
	attrSockPeerName
	attrSockPeerAddr
	AttrNetPeerIP // net.peer.ip
	attrServerPort
	AttrNetPeerPort // net.peer.port
	attrNetworkPeerPort
	attrSockPeerPort

	attrRPCService
	attrRPCMethod
	attrDBSystemName
	attrDBSystem
	attrDBNamespace
	attrDBName

	attrMsgSystem
	attrMsgTemplate
	attrMsgDestinationName
	attrMsgDestination
	attrMsgTemporary
	attrMsgAnonymous
	attrMsgTempDestination
	attrMsgRoutingKey
	attrMsgRabbitRoutingKey
	attrMsgOperationType
	attrMsgOperation
	attrMsgCount

	attrErrorType
	AttrError // error
	attrHTTPResponseStatus
	attrHTTPStatus
	attrRPCResponseStatus
	attrRPCStatus
	attrRPCGRPCStatus

	numSpanAttributes
)

// Attributes of resources.
const (
	AttrServiceName Attribute = iota + 1 // service.name
	attrServiceNamespace
	attrEnvironmentName
	attrEnvironment
	attrServiceVersion
	attrTeam
	// What names a service without service.name, in the order of rule N3.
	attrFaaSName
	attrDeployment
	attrStatefulSet
	attrDaemonSet
	attrCronJob
	attrJob
	attrExecutable
)

// A set of attributes is one word.
var _ [64 - numSpanAttributes]struct{}

// SpanAttribute returns the attribute of a span that key names, 0 if no rule
// reads it.
func SpanAttribute(key []byte) Attribute {
	switch string(key) {
	case "service.peer.name":
		return attrPeerName
	case "service.peer.namespace":
		return attrPeerNamespace
	case "peer.service":
		return AttrPeerService
	case "faas.invoked_name":
		return attrInvokedName
	case "faas.trigger":
		return attrTrigger
	case "server.address":
		return attrServerAddress
	case "server.port":
		return attrServerPort
	case "url.full":
		return attrURLFull
	case "net.peer.name":
		return attrNetPeerName
	case "net.peer.port":
		return AttrNetPeerPort
	case "http.host":
		return attrHTTPHost
	case "http.url":
		return attrHTTPURL
	case "network.peer.address":
		return attrNetworkPeerAddress
	case "network.peer.port":
		return attrNetworkPeerPort
	case "net.sock.peer.name":
		return attrSockPeerName
	case "net.sock.peer.addr":
		return attrSockPeerAddr
	case "net.sock.peer.port":
		return attrSockPeerPort
	case "net.peer.ip":
		return AttrNetPeerIP
	case "rpc.service":
		return attrRPCService
	case "rpc.method":
		return attrRPCMethod
	case "db.system.name":
		return attrDBSystemName
	case "db.system":
		return attrDBSystem
	case "db.namespace":
		return attrDBNamespace
	case "db.name":
		return attrDBName
	case "error.type":
		return attrErrorType
	case "error":
		return AttrError
	case "http.response.status_code":
		return attrHTTPResponseStatus
	case "http.status_code":
		return attrHTTPStatus
	case "rpc.response.status_code":
		return attrRPCResponseStatus
	case "rpc.status_code":
		return attrRPCStatus
	case "rpc.grpc.status_code":
		return attrRPCGRPCStatus
	}
	if len(key) > 10 && string(key[:10]) == "messaging." {
		return messagingAttribute(key)
	}
	return noAttribute
}

func messagingAttribute(key []byte) Attribute {
	switch string(key) {
	case "messaging.system":
		return attrMsgSystem
	case "messaging.destination.template":
		return attrMsgTemplate
	case "messaging.destination.name":
		return attrMsgDestinationName
	case "messaging.destination":
		return attrMsgDestination
	case "messaging.destination.temporary":
		return attrMsgTemporary
	case "messaging.destination.anonymous":
		return attrMsgAnonymous
	case "messaging.temp_destination":
		return attrMsgTempDestination
	case "messaging.rabbitmq.destination.routing_key":
		return attrMsgRoutingKey
	case "messaging.rabbitmq.routing_key":
		return attrMsgRabbitRoutingKey
	case "messaging.operation.type":
		return attrMsgOperationType
	case "messaging.operation":
		return attrMsgOperation
	case "messaging.batch.message_count":
		return attrMsgCount
	}
	return noAttribute
}

// resourceAttribute returns the attribute of a resource that key names, 0 if no
// rule reads it.
func resourceAttribute(key []byte) Attribute {
	switch string(key) {
	case "service.name":
		return AttrServiceName
	case "service.namespace":
		return attrServiceNamespace
	case "deployment.environment.name":
		return attrEnvironmentName
	case "deployment.environment":
		return attrEnvironment
	case "service.version":
		return attrServiceVersion
	case "faas.name":
		return attrFaaSName
	case "k8s.deployment.name":
		return attrDeployment
	case "k8s.statefulset.name":
		return attrStatefulSet
	case "k8s.daemonset.name":
		return attrDaemonSet
	case "k8s.cronjob.name":
		return attrCronJob
	case "k8s.job.name":
		return attrJob
	case "process.executable.name":
		return attrExecutable
	}
	return noAttribute
}

// A ValueType is the type of an attribute's value.
type ValueType uint8

// The types of values. Absent is a value without a type, as if there were no
// attribute; Composite is any that no rule looks into.
const (
	Absent ValueType = iota
	String
	Int
	Bool
	Double
	Composite
)

// A Value is an attribute's value.
type Value struct {
	Type   ValueType
	Text   []byte  // of a String; borrowed until the span or resource is reduced
	Int    int64   // of an Int; of a Bool 0 or 1
	Double float64 // of a Double
}

// values holds one value for each attribute. Only those in set are valid, and
// some of them absent.
type values struct {
	set uint64
	v   [numSpanAttributes]Value
}

func (vs *values) put(a Attribute, v Value) {
	if v.Type == Absent {
		vs.set &^= 1 << a
		return
	}
	vs.set |= 1 << a
	vs.v[a] = v
}

func (vs *values) has(a Attribute) bool { return vs.set&(1<<a) != 0 && vs.v[a].Type != Absent }

// text returns a non-empty string value, else nil.
func (vs *values) text(a Attribute) []byte {
	if !vs.has(a) || vs.v[a].Type != String {
		return nil
	}
	return vs.v[a].Text
}

// first returns the first non-empty string value of as.
func (vs *values) first(as ...Attribute) []byte {
	for _, a := range as {
		if t := vs.text(a); len(t) > 0 {
			return t
		}
	}
	return nil
}

// number returns an integer, given as one or as the text or double of one.
func (vs *values) number(a Attribute) (int64, bool) {
	if !vs.has(a) {
		return 0, false
	}
	switch v := &vs.v[a]; v.Type {
	case Int:
		return v.Int, true
	case String:
		return parseInt(v.Text)
	case Double:
		if n := int64(v.Double); float64(n) == v.Double && n > -1<<53 && n < 1<<53 {
			return n, true
		}
	}
	return 0, false
}

// flagged reports a true bool or the text "true".
func (vs *values) flagged(a Attribute) bool {
	return vs.has(a) && (vs.v[a].Type == Bool && vs.v[a].Int != 0 || string(vs.text(a)) == "true")
}

// parseInt reads decimal digits with an optional minus, at most 18 of them.
func parseInt(s []byte) (int64, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}
