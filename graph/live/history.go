package live

import (
	"maps"
	"slices"
	"sync"

	"graphctl/graph"
)

// A Snapshot is the whole graph after a publication. It is never changed.
type Snapshot struct {
	Epoch    string        // names the numbering
	Seq      uint64        // number of the publication
	Time     graph.Instant // when it was made
	Services []Service     // by ID
	Calls    []Call        // by ID
}

// An Update is what changed after publication Base up to Seq, with the values
// of Seq. It is never changed. Apply it in the order RemovedCalls,
// RemovedServices, NewServices, Services, NewCalls, Calls; a new row with a
// known number replaces what is known. All lists are ascending.
type Update struct {
	Epoch                         string
	Base, Seq                     uint64
	Time                          graph.Instant
	NewServices, Services         []Service
	NewCalls, Calls               []Call
	RemovedServices, RemovedCalls []uint32
}

// changes are the numbers that one publication told about.
type changes struct {
	seq                           uint64
	services, calls               []uint32
	removedServices, removedCalls []removal
}

type removal struct {
	id   uint32
	born uint64
}

// publication is a snapshot and how the window came to it.
type publication struct {
	*Snapshot
	history []*changes    // ascending, at most History, of this epoch; the last one's seq is Seq
	next    chan struct{} // closed when there is a newer publication

	mu      sync.Mutex
	updates map[uint64]*Update // by base, made when first asked for
}

// reaches reports whether the history holds all that changed after seq.
func (p *publication) reaches(seq uint64) bool {
	return seq <= p.Seq && seq+uint64(len(p.history)) >= p.Seq
}

// update returns what changed after base, which the history must reach. Equal
// calls return the same update.
func (p *publication) update(base uint64) *Update {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.updates[base]
	if u == nil {
		u = p.merge(base)
		if p.updates == nil {
			p.updates = make(map[uint64]*Update)
		}
		p.updates[base] = u
	}
	return u
}

func (p *publication) merge(base uint64) *Update {
	u := &Update{Epoch: p.Epoch, Base: base, Seq: p.Seq, Time: p.Time}
	missed := p.history[uint64(len(p.history))-(p.Seq-base):]
	services, calls := make(map[uint32]struct{}), make(map[uint32]struct{})
	for _, c := range missed {
		collect(services, c.services)
		collect(calls, c.calls)
		u.RemovedServices = gone(u.RemovedServices, c.removedServices, base)
		u.RemovedCalls = gone(u.RemovedCalls, c.removedCalls, base)
	}
	for _, id := range slices.Sorted(maps.Keys(services)) {
		s, ok := p.service(id)
		switch {
		case !ok:
		case s.full > base:
			u.NewServices = append(u.NewServices, *s)
		default:
			u.Services = append(u.Services, *s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(calls)) {
		c, ok := p.call(id)
		switch {
		case !ok:
		case c.full > base:
			u.NewCalls = append(u.NewCalls, *c)
		default:
			u.Calls = append(u.Calls, *c)
		}
	}
	slices.Sort(u.RemovedServices)
	slices.Sort(u.RemovedCalls)
	return u
}

func collect(set map[uint32]struct{}, ids []uint32) {
	for _, id := range ids {
		set[id] = struct{}{}
	}
}

// gone appends the numbers that a follower at base has heard of.
func gone(ids []uint32, removed []removal, base uint64) []uint32 {
	for _, r := range removed {
		if r.born <= base {
			ids = append(ids, r.id)
		}
	}
	return ids
}

func (s *Snapshot) service(id uint32) (*Service, bool) {
	i, ok := slices.BinarySearchFunc(s.Services, id, func(s Service, id uint32) int { return int(int64(s.ID) - int64(id)) })
	if !ok {
		return nil, false
	}
	return &s.Services[i], true
}

func (s *Snapshot) call(id uint32) (*Call, bool) {
	i, ok := slices.BinarySearchFunc(s.Calls, id, func(c Call, id uint32) int { return int(int64(c.ID) - int64(id)) })
	if !ok {
		return nil, false
	}
	return &s.Calls[i], true
}
