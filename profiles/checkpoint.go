package profiles

import (
	"errors"
	"time"

	"github.com/metapilot/metapilot/size"
)

// Errors of Restore and ReadHeader.
var (
	// ErrCheckpoint: the bytes are no checkpoint, or a damaged one.
	ErrCheckpoint = errors.New("no checkpoint of a profile, or a damaged one")
	// ErrVersion: the checkpoint is of a later version.
	ErrVersion = errors.New("the checkpoint is of a version that this program does not know")
	// ErrKnowsLess: the checkpoint knows less than the State that it would replace.
	ErrKnowsLess = errors.New("the checkpoint knows less than what is there")
)

// Header is the beginning of a checkpoint: how much it knows.
type Header struct {
	First, Last size.Opt[time.Time]
	Counts      Counts
}

// Header gives the header that a checkpoint would have.
func (s *State) Header() Header {
	return Header{First: s.First(), Last: s.Last(), Counts: s.counts}
}

// Covers tells whether whoever has this header knows at least as much as whoever has the other: reaches as far back and
// as far forward, from as many samples and kills. A checkpoint is not to be overwritten by one that does not cover it.
func (h Header) Covers(other Header) bool {
	first, ok := other.First.Get()
	if ok {
		ours, known := h.First.Get()
		if !known || ours.After(first) || h.Last.Or(ours).Before(other.Last.Or(first)) {
			return false
		}
	}
	return h.Counts.Taken >= other.Counts.Taken && h.Counts.Kills >= other.Counts.Kills
}
