package recommender

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/metapilot/metapilot/profiles/sources"
)

const (
	// historyGap is how long ago a profile's newest sample may be without history being asked for what came since.
	historyGap = time.Hour
	// lateEvery is the time between the beginnings of two readings of the history of profiles that came later: those that
	// come meanwhile are read together, so that what is asked does not grow with the number of tenants.
	lateEvery = 5 * time.Minute
	// lateNamespaces is for how many namespaces a query may ask by name. Of more, all that the source knows is read, as at the
	// start.
	lateNamespaces = 100
	// lateStuck is after how long without progress a reading is given up. The profiles are measured then without their past.
	lateStuck = 15 * time.Minute
)

// reading is a reading of history that is under way.
type reading struct {
	// of are the profiles whose history it is.
	of     map[*entry]bool
	cursor sources.Cursor
	// moved is when it last got on.
	moved time.Time
	// first: the source had no query left over after measuring, so it is asked for history before.
	first bool
}

// begin begins a reading.
func (r *Recommender) begin(cursor sources.Cursor, of []*entry) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	b := &reading{of: map[*entry]bool{}, cursor: cursor, moved: now}
	for _, e := range of {
		b.of[e] = true
		if e.history.reason != reasonRead { // a gap that is closed is not worth telling
			e.tell(reasonReading, "", now)
		}
	}
	r.reading = b
	return b
}

// nextChunk reads the next chunk. It is read again where it was not read, or where a sample could not be given to whose it is.
func (r *Recommender) nextChunk(ctx context.Context, b *reading, takes func(*entry) bool) (sources.Report, error) {
	var failures []error
	next, report, err := r.History.Next(ctx, b.cursor, r.taker(ctx, &failures, takes))
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(failures) == 0 {
		if next.Next.After(b.cursor.Next) {
			b.moved = r.Clock.Now()
		}
		b.cursor = next
	}
	return report, errors.Join(append(failures, err)...)
}

// finish ends a reading, and says how far it came.
func (r *Recommender) finish(b *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, next, until := b.cursor.From.Format(time.RFC3339), b.cursor.Next.Format(time.RFC3339), b.cursor.Until.Format(time.RFC3339)
	reason, message := reasonRead, fmt.Sprintf("what %s knew from %s to %s was read", r.Source.Name(), from, until)
	if !b.cursor.Done() {
		reason, message = reasonPartly, fmt.Sprintf("what %s knew from %s to %s was read; from then to %s it could not be", r.Source.Name(), from, next, until)
	}
	for e := range b.of {
		e.asked = true
		if e.history.reason != reasonRead {
			e.tell(reason, message, r.Clock.Now())
		}
	}
	r.reading = nil
}

// awaitsHistory tells whether what a profile's workload has used before is still to be asked for: the profile, or its tenant, came
// after the start. Until then it takes nothing, since samples that come after newer ones would only count as peaks.
func (r *Recommender) awaitsHistory(e *entry, now time.Time) bool {
	return r.History != nil && !e.asked && now.Sub(e.newest) > historyGap
}

// historyFirst tells whether history is read before measuring.
func (r *Recommender) historyFirst() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reading != nil && r.reading.first
}

// lateHistory goes on with the reading of the history of profiles that came later, or begins one.
func (r *Recommender) lateHistory(ctx context.Context) error {
	b := r.lateReading()
	if b == nil {
		return nil
	}
	for begun := r.Clock.Now(); !b.cursor.Done(); {
		if r.Clock.Since(begun) > r.Timeout/2 {
			return nil
		}
		_, err := r.nextChunk(ctx, b, func(e *entry) bool { return b.of[e] })
		b.first = errors.Is(err, sources.ErrHeld)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return nil
		case r.Clock.Since(b.moved) >= lateStuck:
			r.Log.Error(err, "history of profiles that came later is left unread; measuring goes on without it", "profiles", len(b.of), "read", b.cursor.String())
			r.finish(b)
			return nil
		case b.first:
			return nil
		default:
			return fmt.Errorf("reading the history of %d profiles that came later: %w", len(b.of), err)
		}
	}
	r.finish(b)
	r.Log.Info("history of profiles that came later read", "profiles", len(b.of), "from", b.cursor.From, "until", b.cursor.Until)
	return nil
}

// lateReading gives the reading that is under way, or begins one where there are profiles to read for and it is time; nil where
// there is nothing to read.
func (r *Recommender) lateReading() *reading {
	r.mu.Lock()
	now, b := r.Clock.Now(), r.reading
	if b != nil || r.History == nil || now.Sub(r.lateBegun) < lateEvery {
		r.mu.Unlock()
		return b
	}
	var of []*entry
	var span time.Duration
	namespaces := map[string]bool{}
	for _, e := range r.memory.byKey {
		if e.restored && r.awaitsHistory(e, now) && r.Managed(e.key.Namespace) {
			of = append(of, e)
			namespaces[e.key.Namespace] = true
			span = min(max(span, now.Sub(e.newest)), r.HistorySpan)
		}
	}
	if len(of) == 0 {
		r.mu.Unlock()
		return nil
	}
	r.lateBegun = now
	r.mu.Unlock()
	cursor := sources.NewCursor(now, span)
	if len(namespaces) <= lateNamespaces {
		cursor.Namespaces = slices.Sorted(maps.Keys(namespaces))
	}
	return r.begin(cursor, of)
}
