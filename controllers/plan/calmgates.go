package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// maxDoublings bounds how often the cooldown of scale-downs is doubled: 8 times the cooldown, four days with the default.
const maxDoublings = 3

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// blind holds what cannot be done for want of knowledge. For growth a size to grow from is enough; to shrink, everything
// must be known, and the fleet must not be blind either.
func blind(s Snapshot, d Demand, _ size.Size) hold {
	if (d.Kind == DemandOOM || d.Kind == DemandNodeOOM) && !s.Workload.Size.Ceiling().Memory.Present() {
		return holds(decision.ReasonNoLimit, "container %s of %s has neither a memory limit nor a memory request to grow from: set them in the workload", s.Workload.Container, s.Workload.Name)
	}
	if !d.Down() {
		return hold{}
	}
	var missing []string
	cpu, memory := levels(s)
	if cpu == use.LevelUnknown {
		missing = append(missing, "its use of cpu has not been measured lately")
	}
	if memory == use.LevelUnknown {
		missing = append(missing, "its use of memory has not been measured lately")
	}
	for _, e := range estimate(s, d, 0) {
		if e.Blind != "" {
			missing = append(missing, fmt.Sprintf("estimator %s: %s", e.Estimator, e.Blind))
		}
	}
	switch {
	case len(missing) > 0:
		return holds(decision.ReasonSignalsMissing, "%s", strings.Join(missing, "; "))
	case s.Fleet.Brake != "":
		return holds(s.Fleet.Brake, "%s", s.Fleet.BrakeReason)
	default:
		return hold{}
	}
}

func outsideWindow(s Snapshot, d Demand, _ size.Size) hold {
	windows := s.Settings.Down.Windows
	if !d.Down() || len(windows) == 0 || slices.ContainsFunc(windows, func(w Window) bool { return w.Open(s.Now) }) {
		return hold{}
	}
	return holds(decision.ReasonOutsideMaintenanceWindow, "none of scaleDown.maintenanceWindows is open")
}

// Open tells whether the window is open at a time. It begins on the clocks of its zone: where they jump over its start,
// it begins at the time that takes its place.
func (w Window) Open(now time.Time) bool {
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	for _, back := range []int{0, 1} {
		day := local.AddDate(0, 0, -back)
		start := time.Date(day.Year(), day.Month(), day.Day(), 0, int(w.Start/time.Minute), 0, 0, zone)
		if (len(w.Days) == 0 || slices.Contains(w.Days, day.Weekday())) && !now.Before(start) && now.Before(start.Add(w.Length)) {
			return true
		}
	}
	return false
}

// DownCooldown is the cooldown of scale-downs after some in a row were taken back.
func (s Settings) DownCooldown(undone int) time.Duration {
	return s.Down.Cooldown << min(max(undone, 0), maxDoublings)
}

func coolingDown(s Snapshot, d Demand, _ size.Size) hold {
	var cooldown time.Duration
	switch d.Kind {
	case DemandLowUse:
		cooldown = s.Settings.DownCooldown(s.History.Undone)
	case DemandHighUse:
		cooldown = s.Settings.UpCooldown
	}
	last, ok := s.History.LastChange.Get()
	if !ok || cooldown <= 0 || s.Now.Sub(last) >= cooldown {
		return hold{}
	}
	return holds(decision.ReasonCooldown, "the last change was at %s, and the next may be %s later", last.UTC().Format(time.RFC3339), cooldown)
}

func recentTrouble(s Snapshot, d Demand, _ size.Size) hold {
	last, ok := s.History.LastTrouble.Get()
	if !d.Down() || !ok || s.Now.Sub(last) >= s.Settings.Down.Quiet {
		return hold{}
	}
	return holds(decision.ReasonRecentTrouble, "there was trouble at %s; nothing is made smaller for %s after it", last.UTC().Format(time.RFC3339), s.Settings.Down.Quiet)
}

func overBudget(s Snapshot, d Demand, _ size.Size) hold {
	if !d.Down() || s.Fleet.BudgetSpent == "" {
		return hold{}
	}
	return holds(decision.ReasonBudgetSpent, "%s", s.Fleet.BudgetSpent)
}
