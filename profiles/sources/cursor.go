package sources

import (
	"fmt"
	"time"
)

// Cursor is where a reading of history stands. It is a plain value: kept anywhere, it lets another process go on. The zero
// Cursor has nothing to read.
type Cursor struct {
	// From and Until are the span that is read.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Next is where the next chunk begins: everything before it has been read.
	Next time.Time `json:"next"`
	// Chunk is how much of the span the next chunk may be; the source learns what suits it. 0: nothing is known yet.
	Chunk time.Duration `json:"chunk,omitempty"`
	// Namespaces are those that are read; none: all that the source is asked for otherwise.
	Namespaces []string `json:"namespaces,omitempty"`
}

// NewCursor begins a reading of the span that ends at a time; one of no length, or less, is done.
func NewCursor(until time.Time, span time.Duration) Cursor {
	until = until.UTC().Truncate(time.Second)
	from := until.Add(-span.Truncate(time.Second))
	return Cursor{From: from, Until: until, Next: from}
}

// Done tells whether everything has been read.
func (c Cursor) Done() bool { return !c.Next.Before(c.Until) }

// Percent is the share of the span that has been read.
func (c Cursor) Percent() int32 {
	if c.Done() {
		return 100
	}
	return int32(max(c.Next.Sub(c.From), 0) * 100 / c.Until.Sub(c.From))
}

// String gives "42% of the history since 2026-11-17T12:00:00Z".
func (c Cursor) String() string {
	return fmt.Sprintf("%d%% of the history since %s", c.Percent(), c.From.Format(time.RFC3339))
}
