package infer

import (
	"slices"
	"time"

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
	subjectTable
	hourly
	cells     []cell
	cellOf    map[uint64]uint32 // (subject, bucket) → cell, where a subject has several and this is not the last used
	durations []uint64          // cell<<32 | server side<<31 | sketch bucket<<1 | 1 if added
	flushes   uint32

	// Scratch of a flush.
	ends    []uint32
	sorted  []uint64
	slab    sketch.Slab
	lengths [lengths]uint32
}

func newSum() sum {
	return sum{
		subjectTable: newSubjectTable(),
		hourly:       hourly{others: map[uint64]int64{}},
		cellOf:       map[uint64]uint32{},
		flushes:      1,
	}
}

// cell returns the counters of a subject in a bucket.
func (e *Engine) cell(s subject, bucket int32) uint32 {
	r := &e.subjects[s]
	if r.flush != e.flushes {
		return e.newCell(s, bucket)
	}
	if r.bucket == bucket {
		return r.cell
	}
	if !r.mapped {
		e.cellOf[cellAt(s, r.bucket)] = r.cell
	}
	i, ok := e.cellOf[cellAt(s, bucket)]
	if !ok {
		return e.newCell(s, bucket)
	}
	r.bucket, r.cell, r.mapped = bucket, i, true
	return i
}

func (e *Engine) newCell(s subject, bucket int32) uint32 {
	i := uint32(len(e.cells))
	e.cells = append(e.cells, cell{subject: s, bucket: bucket})
	e.subjects[s].holds(e.flushes, bucket, i)
	return i
}

// holds makes i the cell that was used last.
func (r *subjectRecord) holds(flush uint32, bucket int32, i uint32) {
	r.flush, r.bucket, r.cell, r.mapped = flush, bucket, i, false
}

func cellAt(s subject, bucket int32) uint64 { return uint64(s)<<32 | uint64(uint32(bucket)) }

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
	e.emitHours(d)
	e.slab = sketch.Slab{} // what it holds is the delta's
	e.cells, e.durations = e.cells[:0], e.durations[:0]
	clear(e.cellOf)
	e.flushes++
	if d.Len() == 0 {
		return nil
	}
	return d
}

// vectors returns how many of the cells have all columns, and how many have not.
func (e *Engine) vectors() (vectors, counts int) {
	for i := range e.cells {
		if e.subjects[e.cells[i].subject].of == graph.OfEdge {
			vectors++
		}
	}
	return vectors, len(e.cells) - vectors
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
		e.countHour(c.subject, hourOf(c.bucket), s.Calls)
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
