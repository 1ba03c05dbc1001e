package recommender

import (
	"context"
	"errors"
	"time"

	"github.com/metapilot/metapilot/profiles/sources"
)

const (
	// profilesAwaited is how long history waits for profiles to be made.
	profilesAwaited = 2 * time.Minute
	// historyRetry is the time between two tries to read the same chunk, historyTries how many there are before measuring
	// goes on without the rest.
	historyRetry, historyTries = 15 * time.Second, 20
	// historySave is how often what was read is written while history is read, so that another process goes on there.
	historySave = 2 * time.Minute
	// mostNew is the share of profiles without a sample, in percent, from which all of the history is read; below it only
	// what was missed since the newest sample is.
	mostNew = 50
)

// readHistory reads what was used before, chunk by chunk, from the oldest on; samples that come after newer ones would only
// count as peaks, so nothing is measured until it is through. It gives false when ctx has ended.
func (r *Recommender) readHistory(ctx context.Context) bool {
	if r.History == nil {
		r.metrics.history.Set(100)
		return ctx.Err() == nil
	}
	if !r.awaitProfiles(ctx) {
		return false
	}
	now := r.Clock.Now()
	cursor := sources.NewCursor(now, r.historySpan())
	r.Log.Info("reading history", "source", r.Source.Name(), "from", cursor.From, "until", cursor.Until)
	all := r.begin(cursor, r.within(cursor))
	saved, tries := now, 0
	for !all.cursor.Done() {
		r.metrics.history.Set(float64(all.cursor.Percent()))
		report, err := r.nextChunk(ctx, all, func(*entry) bool { return true })
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			tries = 0
			r.Log.V(1).Info("history read", "percent", all.cursor.Percent(), "cpu", report.CPU, "memory", report.Memory)
		case errors.Is(err, sources.ErrHeld):
			r.Log.V(1).Info("history waits: the source is not asked now", "read", all.cursor.String())
			if !r.wait(ctx, historyRetry) {
				return false
			}
		case tries == historyTries:
			r.Log.Error(err, "history is left unread; measuring goes on without it", "read", all.cursor.String())
			r.finish(all)
			return true
		default:
			tries++
			r.Log.Error(err, "reading history; the chunk is tried again", "read", all.cursor.String(), "try", tries)
			if !r.wait(ctx, historyRetry) {
				return false
			}
		}
		if r.Clock.Since(saved) >= historySave {
			saved = r.Clock.Now()
			r.Log.Info("reading history", "percent", all.cursor.Percent())
			if err := r.writeAll(ctx, r.unsaved()); err != nil {
				r.Log.Error(err, "writing what was read of history")
			}
		}
	}
	r.finish(all)
	r.metrics.history.Set(100)
	r.Log.Info("history read", "from", cursor.From, "until", cursor.Until)
	return true
}

// within gives the profiles whose past the span covers, as far as it is not known.
func (r *Recommender) within(span sources.Cursor) []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*entry
	for _, e := range r.memory.byKey {
		known := e.newest
		if known.IsZero() {
			known = span.Until.Add(-r.HistorySpan)
		}
		if e.restored && r.Managed(e.key.Namespace) && !span.From.After(known.Add(historyGap)) {
			out = append(out, e)
		}
	}
	return out
}

// awaitProfiles waits until every tenant has a profile: in a new installation they are being made just now, and history is
// read once. It gives false when ctx has ended.
func (r *Recommender) awaitProfiles(ctx context.Context) bool {
	for begun := r.Clock.Now(); r.Clock.Since(begun) < profilesAwaited; {
		if r.tenantsWithProfile() >= r.Tenants() {
			return ctx.Err() == nil
		}
		if !r.wait(ctx, time.Second) {
			return false
		}
	}
	r.Log.Info("some tenants have no profile yet; history is read without them", "tenants", r.Tenants(), "withProfile", r.tenantsWithProfile())
	return true
}

func (r *Recommender) tenantsWithProfile() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	tenants := map[string]bool{}
	for key, e := range r.memory.byKey {
		if e.restored && r.Managed(key.Namespace) {
			tenants[key.Namespace] = true
		}
	}
	return len(tenants)
}

// historySpan gives how far back to read: to the newest sample that is known, or all the way where most profiles have none.
func (r *Recommender) historySpan() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var newest time.Time
	all, empty := 0, 0
	for _, e := range r.memory.byKey {
		if !r.Managed(e.key.Namespace) {
			continue
		}
		all++
		if e.newest.IsZero() {
			empty++
		}
		if e.newest.After(newest) {
			newest = e.newest
		}
	}
	if empty*100 >= all*mostNew || newest.IsZero() {
		return r.HistorySpan
	}
	return min(max(r.Clock.Since(newest), 0), r.HistorySpan)
}
