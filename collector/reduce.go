package collector

import (
	"bytes"
	"math"
)

// A ReduceOptions says what a Reducer reads beside the fixed attributes.
type ReduceOptions struct {
	TeamAttribute string // resource attribute that names the owning team; "" means "team"
}

// Fields are what a span says outside its attributes.
type Fields struct {
	Name       []byte // operation
	TraceState []byte // as W3C writes it
	Status     int32  // OTLP status code: 0 unset, 1 OK, 2 error; others count as unset
	Flags      uint32 // OTLP span flags
}

// OTLP status codes.
const (
	StatusUnset int32 = iota
	StatusOK
	StatusError
)

// A Reducer turns attributes into what a Span holds. A decoder calls it in this
// order: BeginResource, SetResource for each attribute, EndResource; then for
// each span of the resource BeginSpan, Set or Value for each attribute that
// SpanAttribute knows, EndSpan. Of a repeated attribute the last one counts; an
// empty string is as good as none.
//
// What the rules never read is left out, so that it makes no new values: the far
// side of a local span, and of a server span all but its peer's name (callers'
// ephemeral ports would fill any table).
//
// It does not allocate once a request's names are known. It is not for use in
// parallel.
type Reducer struct {
	syms    *Symbols
	team    string
	encoded *encodedResources

	span, resource values
	nameless       bool // the current resource names no service
	key            []byte
	clean          []byte // cleaned text on its way into key
	host           []byte // the address in lower case

	// Repaired and Folded count what was put right and what became Other since
	// the decoder last set them to zero.
	Repaired RepairCounts
	Folded   int
}

// NewReducer returns a reducer that interns into syms.
func NewReducer(syms *Symbols, o ReduceOptions) *Reducer {
	if o.TeamAttribute == "" {
		o.TeamAttribute = "team"
	}
	return &Reducer{syms: syms, team: o.TeamAttribute, encoded: syms.encodedFor(o.TeamAttribute)}
}

// BeginResource forgets the attributes of the last resource.
func (r *Reducer) BeginResource() { r.resource.set = 0 }

// SetResource sets an attribute of the resource. v's text is borrowed until
// EndResource.
func (r *Reducer) SetResource(key []byte, v Value) {
	if a := resourceAttribute(key); a != noAttribute {
		r.resource.put(a, v)
	}
	if string(key) == r.team {
		r.resource.put(attrTeam, v)
	}
}

// EndResource returns the number of the resource (rules N1 to N3).
func (r *Reducer) EndResource() Sym {
	vs := &r.resource
	trimmed := func(a Attribute) []byte { return bytes.TrimSpace(vs.text(a)) }
	name := trimmed(AttrServiceName)
	for a := attrFaaSName; len(name) == 0 && a <= attrJob; a++ {
		name = trimmed(a)
	}
	if exe := trimmed(attrExecutable); len(name) == 0 && len(exe) > 0 {
		r.host = append(append(r.host[:0], "unknown_service:"...), exe...)
		name = r.host
	}
	r.nameless = len(name) == 0
	environment := trimmed(attrEnvironmentName)
	if len(environment) == 0 {
		environment = trimmed(attrEnvironment)
	}
	fields := [...][]byte{trimmed(attrServiceNamespace), name, environment, trimmed(attrServiceVersion), trimmed(attrTeam)}
	key := r.key[:0]
	for _, f := range fields {
		key = appendField(key, f)
	}
	r.key = key
	if y, ok := r.syms.resources.find(key); ok {
		return y
	}
	key = r.key[:0]
	for i, f := range fields {
		bound := MaxOtherName
		if i < 2 {
			bound = MaxServiceName
		}
		key = r.appendCleanField(key, f, bound)
	}
	r.key = key
	if y, ok := r.syms.resources.find(key); ok {
		return y
	}
	y, folded := r.syms.addResource(key)
	r.count(folded)
	return y
}

func (r *Reducer) appendCleanField(key, f []byte, bound int) []byte {
	r.clean = appendClean(r.clean[:0], f, bound, &r.Repaired)
	return appendField(key, r.clean)
}

func (r *Reducer) count(folded bool) {
	if folded {
		r.Folded++
	}
}

// BeginSpan forgets the attributes of the last span.
func (r *Reducer) BeginSpan() { r.span.set = 0 }

// Set sets an attribute of the span. v's text is borrowed until EndSpan.
func (r *Reducer) Set(a Attribute, v Value) { r.span.put(a, v) }

// Value returns the place of an attribute of the span, for the caller to set its
// Type and value at once: Set without a copy.
func (r *Reducer) Value(a Attribute) *Value {
	r.span.set |= 1 << a
	v := &r.span.v[a]
	v.Type = Absent
	return v
}

// Has reports that the span has a.
func (r *Reducer) Has(a Attribute) bool { return r.span.has(a) }

// EndSpan fills in what of s follows from attributes and f: weight, far side,
// name, messages, role and flags. s.Kind, Start and End must be set.
func (r *Reducer) EndSpan(s *Span, f *Fields) {
	s.Role = r.role(s.Kind)
	s.Flags = r.flags(f)
	s.Weight = WeightOne
	if len(f.TraceState) > 0 {
		s.Weight = weightOf(f.TraceState)
	}
	s.Messages = NoCount
	if n, ok := r.span.number(attrMsgCount); ok && n >= 0 {
		s.Messages = int32(min(n, math.MaxInt32))
	}
	s.Name = r.name(f.Name)
	s.Far = r.far(s.Role)
	if r.nameless {
		r.Repaired[RepairService]++
	}
	if implausible(s.Start, s.End) {
		r.Repaired[RepairTime]++
	}
}

func (r *Reducer) name(name []byte) Sym {
	if y, ok := r.syms.texts.find(name); ok {
		return y
	}
	r.clean = appendClean(r.clean[:0], name, MaxSpanName, &r.Repaired)
	if y, ok := r.syms.texts.find(r.clean); ok {
		return y
	}
	y, folded := r.syms.addText(r.clean)
	r.count(folded)
	return y
}

const (
	year2000 = 946684800 * 1_000_000_000
	year2100 = 4102444800 * 1_000_000_000
	day      = 24 * 3600 * 1_000_000_000
)

func implausible(start, end int64) bool {
	return end < start || start < year2000 || start >= year2100 || end-start > day
}

// Sets of attributes, to see at once that a span has none of them.
const (
	peerAttributes      = 1<<attrPeerName | 1<<AttrPeerService
	databaseAttributes  = 1<<attrDBSystemName | 1<<attrDBSystem | 1<<attrDBNamespace | 1<<attrDBName
	messagingAttributes = 1<<attrMsgSystem | destinationAttributes | 1<<attrMsgOperationType | 1<<attrMsgOperation | 1<<attrMsgCount

	destinationAttributes = 1<<attrMsgTemplate | 1<<attrMsgDestinationName | 1<<attrMsgDestination |
		1<<attrMsgTemporary | 1<<attrMsgAnonymous | 1<<attrMsgTempDestination |
		1<<attrMsgRoutingKey | 1<<attrMsgRabbitRoutingKey

	failureAttributes = 1<<attrErrorType | 1<<AttrError | 1<<attrHTTPResponseStatus | 1<<attrHTTPStatus |
		1<<attrRPCResponseStatus | 1<<attrRPCStatus | 1<<attrRPCGRPCStatus
)

// role states rules K1 and K2.
func (r *Reducer) role(k Kind) Role {
	switch k {
	case KindServer:
		return In
	case KindInternal:
		return Local
	case KindUnspecified:
		if !r.looksLikeClient() {
			return Local
		}
		k = KindClient
	}
	vs := &r.span
	if k == KindClient && len(vs.text(attrMsgSystem)) == 0 && len(r.destination()) == 0 {
		return Out
	}
	operation := vs.first(attrMsgOperationType, attrMsgOperation)
	switch string(operation) {
	case "send", "publish":
		return Publish
	case "create":
		return Create
	case "receive":
		return Receive
	case "process", "deliver":
		return Process
	case "settle":
		return Settle
	}
	if k == KindConsumer {
		return Process
	}
	return Publish
}

func (r *Reducer) looksLikeClient() bool {
	vs := &r.span
	if vs.set&(peerAttributes|databaseAttributes|messagingAttributes) == 0 {
		return false
	}
	_, counted := vs.number(attrMsgCount)
	return counted || len(r.destination()) > 0 ||
		len(vs.first(attrPeerName, AttrPeerService, attrDBSystemName, attrDBSystem, attrDBNamespace, attrDBName,
			attrMsgSystem, attrMsgOperationType, attrMsgOperation)) > 0
}

var temporary = []byte("(temporary)")

// destination returns the destination's own name in the order of rule M2.
func (r *Reducer) destination() []byte {
	vs := &r.span
	if vs.set&destinationAttributes == 0 {
		return nil
	}
	if t := vs.text(attrMsgTemplate); len(t) > 0 {
		return t
	}
	if vs.flagged(attrMsgTemporary) || vs.flagged(attrMsgAnonymous) || vs.flagged(attrMsgTempDestination) {
		return temporary
	}
	return vs.first(attrMsgDestinationName, attrMsgDestination, attrMsgRoutingKey, attrMsgRabbitRoutingKey)
}

func (r *Reducer) flags(f *Fields) (flags Flags) {
	const remote = 0x300 // the parent's whereabouts are known, and it is elsewhere
	if f.Flags&remote == remote {
		flags |= ParentRemote
	}
	if t := r.span.text(attrTrigger); len(t) > 0 && string(t) != "http" {
		flags |= Triggered
	}
	if f.Status == StatusError || f.Status != StatusOK && r.span.set&failureAttributes != 0 && r.failed() {
		flags |= Failed
	}
	return flags
}

// failed states rule E1 for a span without status.
func (r *Reducer) failed() bool {
	vs := &r.span
	if vs.has(attrErrorType) && (vs.v[attrErrorType].Type != String || len(vs.v[attrErrorType].Text) > 0) {
		return true
	}
	if vs.has(AttrError) {
		switch v := &vs.v[AttrError]; v.Type {
		case Bool:
			if v.Int != 0 {
				return true
			}
		case String:
			if !bytes.EqualFold(v.Text, []byte("false")) {
				return true
			}
		default:
			return true
		}
	}
	status, ok := vs.number(attrHTTPResponseStatus)
	if !ok {
		status, ok = vs.number(attrHTTPStatus)
	}
	if ok && status >= 500 {
		return true
	}
	for _, a := range [...]Attribute{attrRPCResponseStatus, attrRPCStatus, attrRPCGRPCStatus} {
		if vs.has(a) {
			return r.failedRPC(a)
		}
	}
	return false
}

func (r *Reducer) failedRPC(a Attribute) bool {
	if n, ok := r.span.number(a); ok {
		switch n {
		case 2, 4, 12, 13, 14, 15:
			return true
		}
		return false
	}
	switch string(bytes.ToUpper(r.span.text(a))) {
	case "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS":
		return true
	}
	return false
}
