package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// demand says what is asked for. What is the user's to mend, or is not known, asks for nothing and says so.
func demand(s Snapshot) Demand {
	if d, ok := unreadable(s.Workload); ok {
		return d
	}
	if s.Settings.AnswersOOM {
		if d, ok := killed(s, decision.KillContainer); ok {
			return d
		}
		if d, ok := killed(s, decision.KillNode); ok {
			return d
		}
	}
	if d, ok := undo(s); ok {
		return d
	}
	if below := belowMinimum(s.Workload.Size.Ceiling(), s.Settings.Min); below != "" {
		return Demand{Kind: DemandMinimum, Reason: decision.ReasonBelowMinimum, Message: below}
	}
	if !s.Settings.AnswersOOM && len(s.Kills) > 0 {
		return Demand{Kind: DemandNone, Reason: decision.ReasonTriggerDisabled, Message: fmt.Sprintf("%s was OOM-killed, but OOM is not among scaleUp.triggers: add it to answer kills", s.Kills[len(s.Kills)-1])}
	}
	if d, ok := highUse(s); ok {
		return d
	}
	return lowUse(s)
}

func unreadable(w Workload) (Demand, bool) {
	unknown := func(reason decision.Reason, format string, args ...any) (Demand, bool) {
		return Demand{Kind: DemandUnknown, Reason: reason, Message: fmt.Sprintf(format, args...)}, true
	}
	switch {
	case !w.Found:
		return unknown(decision.ReasonWorkloadNotFound, "%s does not exist in this namespace: correct target.kind and target.name, or create it", w.Name)
	case !w.ContainerFound:
		return unknown(decision.ReasonContainerNotFound, "%s has no container %q: set target.container to one of %s", w.Name, w.Container, cmp.Or(strings.Join(w.Containers, ", "), "its containers"))
	default:
		return Demand{}, false
	}
}

func killed(s Snapshot, class decision.KillClass) (Demand, bool) {
	var kills []oom.Kill
	for _, k := range s.Kills {
		if k.Class == class && !slices.ContainsFunc(kills, func(other oom.Kill) bool { return other.Key == k.Key }) {
			kills = append(kills, k)
		}
	}
	if len(kills) == 0 {
		return Demand{}, false
	}
	slices.SortStableFunc(kills, func(a, b oom.Kill) int { return a.FinishedAt.Compare(b.FinishedAt) })
	last := kills[len(kills)-1]
	if class == decision.KillNode && last.Limit.Present() && level(kills, s.History, s.Settings.RepeatWindow) > 0 {
		// A usage that was low at the last measurement says less than a second kill; and where the first was held, as it is
		// for every Guaranteed container, nothing else would ever answer.
		return Demand{Kind: DemandOOM, Reason: decision.ReasonOOMKilled, Kills: kills,
			Message: fmt.Sprintf("%s was OOM-killed again, far below its memory limit of %s: a kill that repeats is taken as the container's own", last, last.Limit)}, true
	}
	if class == decision.KillNode {
		return Demand{Kind: DemandNodeOOM, Reason: decision.ReasonNodeOutOfMemory, Kills: kills,
			Message: fmt.Sprintf("%s was OOM-killed far below its limit, or without one: its node ran out of memory", last)}, true
	}
	message := fmt.Sprintf("%s was OOM-killed at its memory limit of %s", last, last.Limit)
	if more := len(kills) - 1; more > 0 {
		message += fmt.Sprintf(" (and %s)", counted(more, "more kill"))
	}
	if missed := missed(kills); missed > 0 {
		message += fmt.Sprintf(" (missed before it: %s)", counted(missed, "restart"))
	}
	return Demand{Kind: DemandOOM, Reason: decision.ReasonOOMKilled, Kills: kills, Message: message}, true
}

func missed(kills []oom.Kill) (n int) {
	for _, k := range kills {
		n += int(max(k.Missed, 0))
	}
	return n
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// maxLevel bounds what is read from a status: no bump is doubled as often as that.
const maxLevel = 64

// level is how often the bump is doubled for these kills: once for each kill in a row on the same container, seen or
// missed, each within the repeat window after the one before; and on from the level of the last answer if that is within
// the window. Kills of several replicas at once are one event.
func level(kills []oom.Kill, h History, window time.Duration) int {
	if len(kills) == 0 {
		return 0
	}
	type row struct {
		kills int
		last  time.Time
	}
	perContainer := map[oom.Container]row{}
	rows := 0
	for _, k := range kills {
		c := oom.Container{PodUID: k.PodUID, Name: k.Container}
		r := perContainer[c]
		if k.FinishedAt.Sub(r.last) > window {
			r.kills = 0
		}
		r = row{kills: r.kills + 1 + int(max(k.Missed, 0)), last: k.FinishedAt}
		perContainer[c] = r
		rows = max(rows, r.kills)
	}
	last, answered := h.LastAnswer.Get()
	if answered && kills[len(kills)-1].FinishedAt.Sub(last) <= window {
		return min(max(h.Repeats, 0), maxLevel) + rows
	}
	return rows - 1
}

func belowMinimum(ceiling, minimum size.Amounts) string {
	if m, ok := minimum.Memory.Get(); ok {
		if have, ok := ceiling.Memory.Get(); ok && have < m {
			return fmt.Sprintf("memory %s lies below bounds.min.memory %s", have, m)
		}
	}
	if m, ok := minimum.CPU.Get(); ok {
		if have, ok := ceiling.CPU.Get(); ok && have < m {
			return fmt.Sprintf("cpu %s lies below bounds.min.cpu %s", have, m)
		}
	}
	return ""
}
