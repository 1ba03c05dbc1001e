package oom

import (
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

const (
	// ReplacedGrace: a kill within this time after a resize was accepted happened at the size before it. A kubelet was
	// seen to actuate a resize within 0.2 to 2 seconds, and reports the end of a container in whole seconds. A kill at the new size that falls into it is not lost: the container is killed again.
	ReplacedGrace = 3 * time.Second

	// MaxAge: a kill older than this, first seen now, is not answered: the component has lived with its size since.
	MaxAge = 24 * time.Hour

	// UsageAge: a usage measured longer than this before the kill says nothing about it. Two rounds of metrics-server
	// at its default resolution (15 s), four times over.
	UsageAge = 2 * time.Minute
)

// Usage is a measured memory usage.
type Usage struct {
	Memory     size.Bytes
	MeasuredAt time.Time // by the source
}

// Circumstances are what is known besides the kill itself.
type Circumstances struct {
	Now time.Time
	// ResizedAt is when the component's last growth was accepted for all replicas; absent when there was none.
	ResizedAt size.Opt[time.Time]
	// Desired is the memory limit that the component is meant to have now; absent when it has none.
	Desired size.Opt[size.Bytes]
	// Usage is the killed container's last usage before the kill; absent when none was measured.
	Usage size.Opt[Usage]
	// NodeKillBelowPercent: below this percentage of the limit the kill is the node's; 0 turns the judgement off.
	NodeKillBelowPercent int64
	// Repeats tells that another kill of the component was answered within the repeat window before this one.
	Repeats bool
}

// Judge says what kind of kill it was. In doubt it is the container's own: growth is the safe side.
func Judge(k Kill, c Circumstances) decision.KillClass {
	switch {
	case k.ExitCode != exitCodeSIGKILL:
		return decision.KillNotOOM
	case replaced(k, c):
		return decision.KillReplaced
	case k.Timed() && c.Now.Sub(k.FinishedAt) > MaxAge:
		return decision.KillOutlived
	case nodes(k, c):
		return decision.KillNode
	default:
		return decision.KillContainer
	}
}

// Timed tells whether it is known when the container ended; a runtime that does not know reports the zero time or that
// of Unix.
func (k Kill) Timed() bool { return k.FinishedAt.Unix() > 0 }

func replaced(k Kill, c Circumstances) bool {
	if at, ok := c.ResizedAt.Get(); ok && k.Timed() && k.FinishedAt.Before(at.Add(ReplacedGrace)) {
		return true
	}
	limit, limited := k.Limit.Get()
	desired, known := c.Desired.Get()
	return limited && known && limit < desired
}

func nodes(k Kill, c Circumstances) bool {
	limit, limited := k.Limit.Get()
	if !limited {
		return true // nothing but the node could have run out
	}
	usage, measured := c.Usage.Get()
	if !measured || usage.Memory <= 0 || c.Repeats || !usage.before(k.FinishedAt) {
		return false
	}
	return usage.Memory < size.Share(limit, size.Bytes(c.NodeKillBelowPercent), 100)
}

// before tells whether the usage was measured shortly before t. The end of a container is known to the second.
func (u Usage) before(t time.Time) bool {
	return !u.MeasuredAt.After(t.Add(time.Second)) && t.Sub(u.MeasuredAt) <= UsageAge
}
