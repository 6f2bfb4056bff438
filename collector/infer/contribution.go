package infer

import (
	"slices"
	"time"

	"graphctl/collector"
	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A Rule says what proved a call. Its name is the detail of graph.OfRule
// subjects.
type Rule uint8

// The rules that make edges.
const (
	RulePair           Rule = iota + 1 // an outgoing span and what it started in another service, or over the wire in its own (P4, P7, C3)
	RuleBoundary                       // a parent in another service, without a recorded outgoing half (P5)
	RuleDatabase                       // an unanswered call on a database (D1)
	RulePeer                           // an unanswered call that names a peer (U1)
	RuleFunction                       // an unanswered call that names a function (U1)
	RuleAddress                        // an unanswered call that names an address (U1)
	RuleRPCService                     // an unanswered call that names an RPC service (U1)
	RuleUser                           // a root (R1)
	RuleCaller                         // a span without known parent that names its caller (R2)
	RulePublish                        // a publishing span and its destination (M1)
	RuleImpliedPublish                 // a publish that nobody recorded, above a consuming span (M1)
	RuleConsume                        // a destination and a consuming span (M1)
	RulePush                           // a destination and a server span that it called (M7)
	RuleDirect                         // a producer and a consumer without a destination's name (M3)
	RuleRoute                          // two destinations that a message went through (M6)
	RuleLink                           // a link between services (K3)
	rules
)

var ruleNames = [rules]string{
	"", "pair", "boundary", "database", "peer", "function", "address", "rpc_service", "user", "caller",
	"publish", "implied_publish", "consume", "push", "direct", "route", "link",
}

func (r Rule) String() string {
	if r < rules {
		return ruleNames[r]
	}
	return "unknown"
}

// A contribution is what one trace adds to one subject in one bucket: one call
// or a few, with at most one duration a side. 64 bytes without pointers.
type contribution struct {
	calls, errors              int32
	clientErrors, serverErrors int32
	client, server             int64 // durations in ns, absent if negative
	estimated                  int64
	showAt                     int64 // of a guess: when it may be shown; 0: at once
	subject                    subject
	bucket                     int32 // in units of graph.Fine
	next                       uint32
	network                    bool // client minus server counts as network time (rule L2)
	hidden                     bool // a guess that is not shown yet
}

// absent is a missing duration.
const absent = -1

// bucketOf returns the number of the fine bucket that holds t.
func bucketOf(t int64) int32 {
	return int32(graph.Instant(t).Floor(graph.Fine) / graph.Instant(graph.Fine))
}

// A subject is the number of a graph.Subject with facets.
type subject uint32

// subjectKey tells subjects apart. Fields that a kind does not use are zero.
type subjectKey struct {
	from, to side
	detail   uint32 // a Sym of a name for OfOperation, a node for OfAlias, a Disposition for OfSpans
	of       graph.SubjectKind
	kind     graph.EdgeKind
	rule     Rule
}

// subjectRecord is a subject and where its counters of this flush are.
type subjectRecord struct {
	subjectKey
	main   cellKey // for an edge that of the edge, whatever proved it
	byRule cellKey // of an edge only
	made   bool    // main and byRule are set
	flush  uint32  // number of the flush in which cell was current
	bucket int32
	cell   uint32
}

type cellKey struct {
	subject graph.SubjectID
	facets  graph.FacetsID
}

// recentSubjects is how many subjects are found without the table: some 200 kB,
// and enough for the busy edges of most fleets.
const recentSubjects = 1 << 13

// A cell is the sum of one subject in one bucket since the last flush.
type cell struct {
	subject  subject
	bucket   int32
	calls    int64
	errors   int64
	clientE  int64
	serverE  int64
	client   int64
	server   int64
	network  int64
	networkN int64
	estimate int64
}

// A sum gathers the change of the shown graph between two flushes.
type sum struct {
	subjects   []subjectRecord
	subjectOf  map[subjectKey]subject
	recent     []recentSubject // by hash: most are looked up again soon
	edges      int             // subjects of each bounded kind
	operations int
	cells      []cell
	cellOf     map[uint64]uint32 // (subject, bucket) → cell
	durations  []uint64          // cell<<32 | server side<<31 | sketch bucket<<1 | 1 if added
	flushes    uint32

	// Scratch of a flush.
	ends    []uint32
	sorted  []uint64
	slab    sketch.Slab
	lengths [lengths]uint32
}

func newSum() sum {
	return sum{
		subjects:  make([]subjectRecord, 1),
		subjectOf: map[subjectKey]subject{},
		recent:    make([]recentSubject, recentSubjects),
		cellOf:    map[uint64]uint32{},
		flushes:   1,
	}
}

// A recentSubject is a subject under its key.
type recentSubject struct {
	subjectKey
	subject subject
}

func (k *subjectKey) hash() uint32 {
	h := uint64(k.from)<<32 | uint64(k.to) ^ uint64(k.detail)
	h ^= (uint64(k.of)<<16 | uint64(k.kind)<<8 | uint64(k.rule)) << 40
	return uint32(h * 0x9e3779b97f4a7c15 >> 40)
}

// subject returns the number of a subject, made if new; 0 if a bound drops it.
func (e *Engine) subject(k subjectKey) subject {
	r := &e.recent[k.hash()%recentSubjects]
	if r.subject == 0 || r.subjectKey != k {
		i, ok := e.subjectOf[k]
		if !ok {
			return e.newSubject(k)
		}
		*r = recentSubject{k, i}
	}
	return r.subject
}

func (e *Engine) newSubject(k subjectKey) subject {
	switch {
	case k.of == graph.OfEdge && k.from != e.otherSide && e.edges >= maxEdges:
		e.c.Folded++
		k.from, k.to = e.otherSide, e.otherSide
		return e.subject(k)
	case k.of == graph.OfEdge:
		e.edges++
	case k.of == graph.OfSpans:
	case e.operations >= maxOperations:
		e.c.Folded++
		return 0
	default:
		e.operations++
	}
	i := subject(len(e.subjects))
	e.subjects = append(e.subjects, subjectRecord{subjectKey: k})
	e.subjectOf[k] = i
	return i
}

// cell returns the counters of a subject in a bucket.
func (e *Engine) cell(s subject, bucket int32) uint32 {
	r := &e.subjects[s]
	if r.flush == e.flushes && r.bucket == bucket {
		return r.cell
	}
	key := uint64(s)<<32 | uint64(uint32(bucket))
	i, ok := e.cellOf[key]
	if !ok {
		i = uint32(len(e.cells))
		e.cells = append(e.cells, cell{subject: s, bucket: bucket})
		e.cellOf[key] = i
	}
	r.flush, r.bucket, r.cell = e.flushes, bucket, i
	return i
}

// count adds n to the calls of a subject that has no other columns. Subject 0
// is one that a bound dropped.
func (e *Engine) count(s subject, bucket int32, n int64) {
	if s != 0 {
		e.cells[e.cell(s, bucket)].calls += n
	}
}

// add adds c to the shown graph; sign −1 takes it back.
func (e *Engine) add(c *contribution, sign int64) {
	if c.subject == 0 {
		return
	}
	i := e.cell(c.subject, c.bucket)
	s := &e.cells[i]
	s.calls += sign * int64(c.calls)
	s.errors += sign * int64(c.errors)
	s.clientE += sign * int64(c.clientErrors)
	s.serverE += sign * int64(c.serverErrors)
	s.estimate += sign * c.estimated
	if c.client >= 0 {
		s.client += sign * c.client
		e.addDuration(i, 0, c.client, sign)
	}
	if c.server >= 0 {
		s.server += sign * c.server
		e.addDuration(i, 1, c.server, sign)
	}
	if c.network {
		s.network += sign * (c.client - c.server)
		s.networkN += sign
	}
}

func (e *Engine) addDuration(cell uint32, side uint64, d, sign int64) {
	b := uint64(sketch.Bucket(time.Duration(d)))
	e.durations = append(e.durations, uint64(cell)<<32|side<<31|b<<1|uint64(sign+1)>>1)
}

// delta returns what was gathered, without zeros, nil if nothing, and starts
// anew.
func (e *Engine) delta() *graph.Delta {
	if len(e.cells) == 0 {
		return nil
	}
	d := new(graph.Delta)
	d.Grow(e.vectors())
	e.sortDurations()
	begin := uint32(0)
	for i := range e.cells {
		end := e.ends[i]
		durations := e.sorted[begin:end]
		slices.Sort(durations)
		e.emit(d, &e.cells[i], durations)
		begin = end
	}
	e.slab = sketch.Slab{} // what it holds is the delta's
	e.cells, e.durations = e.cells[:0], e.durations[:0]
	clear(e.cellOf)
	e.flushes++
	if d.Len() == 0 {
		return nil
	}
	return d
}

// vectors returns how many of the cells have all columns, and how many counts
// are emitted: one for each of the others, and one for the rule of each edge.
func (e *Engine) vectors() (vectors, counts int) {
	for i := range e.cells {
		if e.subjects[e.cells[i].subject].of == graph.OfEdge {
			vectors++
		}
	}
	return vectors, len(e.cells)
}

// sortDurations puts the durations in the order of their cells into e.sorted;
// those of cell i end at e.ends[i]. Many are counted by their sketch buckets
// first, after which those of a cell are in order.
func (e *Engine) sortDurations() {
	if len(e.durations) > len(e.lengths) {
		e.sortLengths()
	}
	ends := cleared(e.ends, len(e.cells)+1)
	for _, d := range e.durations {
		ends[d>>32+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	sorted := slices.Grow(e.sorted[:0], len(e.durations))[:len(e.durations)]
	for _, d := range e.durations {
		sorted[ends[d>>32]] = d
		ends[d>>32]++
	}
	e.ends, e.sorted = ends, sorted
}

// sortLengths sorts the durations by side, sketch bucket and sign.
func (e *Engine) sortLengths() {
	starts := &e.lengths
	clear(starts[:])
	for _, d := range e.durations {
		starts[lengthOf(d)]++
	}
	sum := uint32(0)
	for i, n := range starts {
		starts[i] = sum
		sum += n
	}
	sorted := slices.Grow(e.sorted[:0], len(e.durations))[:len(e.durations)]
	for _, d := range e.durations {
		n := &starts[lengthOf(d)]
		sorted[*n] = d
		*n++
	}
	e.durations, e.sorted = sorted, e.durations
}

// lengths is how many values lengthOf has: two sides of fewer than 2,048 sketch
// buckets, added or taken back.
const lengths = 1 << 13

const lengthMask = 1<<11 - 1

const _ = uint(lengthMask + 1 - sketch.Buckets)

func lengthOf(duration uint64) uint64 { return duration>>31&1<<12 | duration&(1<<12-1) }

// emit adds a cell and its durations, which are sorted, to d.
func (e *Engine) emit(d *graph.Delta, c *cell, durations []uint64) {
	r := &e.subjects[c.subject]
	if r.of != graph.OfEdge {
		if c.calls != 0 {
			e.describe(c.subject)
			d.Count(r.main.in(c.bucket, r.of.Coarse()), c.calls)
		}
		return
	}
	s := graph.Stats{
		Calls: c.calls, Errors: c.errors,
		ClientErrors: c.clientE, ServerErrors: c.serverE,
		ClientSum: c.client, ServerSum: c.server,
		NetworkSum: c.network, NetworkCount: c.networkN,
		Estimated: c.estimate,
	}
	s.Client, durations = e.sketch(durations, 0)
	s.Server, _ = e.sketch(durations, 1)
	if s.IsZero() {
		return
	}
	e.describe(c.subject)
	d.Append(r.main.in(c.bucket, false), s)
	if s.Calls != 0 {
		d.Count(r.byRule.in(c.bucket, true), s.Calls)
	}
}

// in returns the key of a fine bucket, or of the hour that holds it.
func (k cellKey) in(bucket int32, coarse bool) graph.Key {
	at := graph.Instant(bucket) * graph.Instant(graph.Fine)
	if coarse {
		at = at.Floor(graph.Coarse)
	}
	return graph.Key{Bucket: at, Subject: k.subject, Facets: k.facets}
}

// sketch counts the durations of a side, which come first, and returns those of
// the other.
func (e *Engine) sketch(durations []uint64, side uint64) (s sketch.Sketch, rest []uint64) {
	n, buckets := 0, 0
	for ; n < len(durations) && durations[n]>>31&1 == side; n++ {
		if n == 0 || durations[n]>>1 != durations[n-1]>>1 {
			buckets++
		}
	}
	rest = durations[n:]
	durations = durations[:n]
	if n == 0 {
		return s, rest
	}
	s = e.slab.Sketch(buckets)
	for len(durations) > 0 {
		k, n := durations[0]>>1, int64(0)
		for len(durations) > 0 && durations[0]>>1 == k {
			n += int64(durations[0]&1)*2 - 1
			durations = durations[1:]
		}
		s.AddBucket(uint16(k&lengthMask), n)
	}
	return s, rest
}

// describe makes the keys under which a subject is emitted.
func (e *Engine) describe(i subject) {
	r := &e.subjects[i]
	if r.made {
		return
	}
	r.made = true
	from, to := e.sides[r.from], e.sides[r.to]
	s := graph.Subject{Of: r.of, Kind: r.kind, From: e.nodes[from.node], To: e.nodes[to.node]}
	facets := graph.Facets{From: e.facets[from.facet], To: e.facets[to.facet]}.ID()
	switch r.of {
	case graph.OfSpans:
		s.Detail = Disposition(r.detail).String()
	case graph.OfOperation:
		s.Detail = e.syms.Text(collector.Sym(r.detail))
	case graph.OfAlias:
		s.Detail = e.nodes[r.detail].Name
	case graph.OfEdge:
		rule := s
		rule.Of, rule.Detail = graph.OfRule, r.rule.String()
		r.byRule = cellKey{rule.ID(), facets}
	}
	r.main = cellKey{s.ID(), facets}
}
