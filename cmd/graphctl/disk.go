package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A byteSize is a flag in bytes, like 512MiB or 10GiB.
type byteSize int64

var byteUnits = []struct {
	name  string
	bytes byteSize
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func (b byteSize) String() string {
	for _, u := range byteUnits {
		if b >= u.bytes && b%u.bytes == 0 {
			return fmt.Sprintf("%d%s", b/u.bytes, u.name)
		}
	}
	return "0B"
}

// Set implements pflag.Value. A number without a unit is in bytes.
func (b *byteSize) Set(s string) error {
	unit := byteSize(1)
	digits := s
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			digits, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n < 0 || n > (1<<62)/int64(unit) {
		return fmt.Errorf("%q is not a size: want a number and KiB, MiB, GiB or TiB", s)
	}
	*b = byteSize(n) * unit
	return nil
}

// Type implements pflag.Value.
func (*byteSize) Type() string { return "size" }

const (
	// defaultMaxDisk holds the spans of 50 minutes at 100,000 spans/s, or of a
	// day at 3,000.
	defaultMaxDisk byteSize = 10 << 30

	// minMaxDisk holds two log files, a minute's checkpoint and a small graph.
	minMaxDisk byteSize = 512 << 20

	// spanShare of the disk, in fifths, is for spans; the rest is for the graph.
	// Neither is cut while both together fit.
	spanShare = 4

	// governEvery is how often the disk is looked at: a minute of spans is not
	// too much to be over.
	governEvery = 10 * time.Second
)

// governDisk keeps the data directory within --max-disk.
func (s *server) governDisk(ctx context.Context) error {
	tick := time.NewTicker(governEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.shrink(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// shrink gives up spans or history, whichever has more than its share, if the
// directory is too large.
func (s *server) shrink(ctx context.Context) {
	limit := int64(s.o.maxDisk)
	st := s.lane.Stats()
	db := s.store.Stats()
	spans, graph := st.LogBytes+st.ArchiveBytes, db.Bytes-db.FreeBytes
	if spans+graph <= limit {
		return
	}
	share := limit / 5 * spanShare
	if spans > share {
		s.lane.Shrink()
	}
	if graph > limit-share {
		if _, err := s.store.Shrink(ctx, graph-(limit-share)); err != nil {
			s.log.Error("shorten the history", "error", err)
		}
	}
}
