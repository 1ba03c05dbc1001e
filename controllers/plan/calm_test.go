package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// lowSince is a track of low use: for so long until ten seconds ago, at this amount.
func lowSince(ago time.Duration, amount int64) use.Track {
	return use.Track{Latest: size.Of(amount), SeenAt: noon.Add(-10 * time.Second), LowSince: size.Of(noon.Add(-ago)), Peak: size.Of(amount)}
}

func highSince(ago time.Duration, amount int64) use.Track {
	return use.Track{Latest: size.Of(amount), SeenAt: noon.Add(-10 * time.Second), HighSince: size.Of(noon.Add(-ago))}
}

// idle is a component that has used little for a day, and that nothing keeps from being made smaller: 256Mi of 512Mi, 200m of
// 400m, with a profile that asks for 100Mi and 20m.
func idle(changes ...func(*Snapshot)) Snapshot {
	s := calm()
	s.Workload.Ready = s.Workload.Replicas
	s.Settings.CPU = use.Settings{High: size.Of(use.Share{Percent: 90}), For: time.Minute, Low: size.Of(use.Share{Percent: 60}), Window: 12 * time.Hour}
	s.Settings.Memory = s.Settings.CPU
	s.Settings.UseMaxAge = time.Minute
	s.Settings.UpMaxStepPercent, s.Settings.UpCooldown = 100, time.Minute
	s.Settings.Down = Down{Configured: true, Cooldown: 12 * time.Hour, Quiet: 24 * time.Hour, MaxStepPercent: 25, MinChangePercent: 10}
	s.Settings.Profile = size.Of(estimators.Profile{MinHistory: 24 * time.Hour})
	s.Profile = estimators.ProfileInput{Found: true, First: size.Of(noon.Add(-48 * time.Hour)), Last: size.Of(noon.Add(-time.Minute)),
		Target: size.Amounts{CPU: size.Of(size.MilliCPU(20)), Memory: size.Of(100 * size.MiB)}}
	s.Use = Use{CPU: lowSince(13*time.Hour, 10), Memory: lowSince(13*time.Hour, int64(90*size.MiB))}
	return with(s, changes...)
}

// blockedDown makes each gate hold a scale-down.
var blockedDown = map[decision.Gate]func(*Snapshot){
	decision.GateSuspended:     func(s *Snapshot) { s.Settings.Down.Disabled = true },
	decision.GateUnmanaged:     func(s *Snapshot) { s.Workload.PausedBy = "gardener" },
	decision.GateConflicted:    func(s *Snapshot) { s.History.Reverts = 3 },
	decision.GateBlind:         func(s *Snapshot) { s.Profile.Stale = "its source is gone" },
	decision.GateUnsettled:     func(s *Snapshot) { s.Workload.Ready-- },
	decision.GateOutsideWindow: func(s *Snapshot) { s.Settings.Down.Windows = []Window{{Start: 22 * time.Hour, Length: time.Hour}} },
	decision.GateCoolingDown:   func(s *Snapshot) { s.History.LastChange = size.Of(noon.Add(-time.Hour)) },
	decision.GateRecentTrouble: func(s *Snapshot) { s.History.LastTrouble = size.Of(noon.Add(-23 * time.Hour)) },
	decision.GateTooSmall: func(s *Snapshot) {
		s.Profile.Target = size.Amounts{CPU: size.Of(size.MilliCPU(185)), Memory: size.Of(500 * size.MiB)}
	},
	decision.GateOverBudget: func(s *Snapshot) { s.Fleet.BudgetSpent = "20 of 20 scale-downs within 1h0m0s are spent" },
}

func TestAnIdleComponentTakesOneStepDown(t *testing.T) {
	p := Decide(idle())
	if p.Verdict() != decision.VerdictScaleDown || p.Reason != decision.ReasonUseLow {
		t.Fatalf("verdict %s, reason %s: %s", p.Verdict(), p.Reason, p.Message)
	}
	if diff := cmp.Diff(sized(150, 192*size.MiB, 300, 384*size.MiB).Limits.String(), p.To.Limits.String()); diff != "" {
		t.Errorf("to (-want +got):\n%s", diff)
	}
	if want := "little cpu and memory have been used for 12h0m0s: memory limit 512Mi → 384Mi, memory request 256Mi → 192Mi, cpu limit 400m → 300m, cpu request 200m → 150m"; p.Message != want {
		t.Errorf("message %q, want %q", p.Message, want)
	}
	if p.Want.Limits.Memory.Or(0) != 101*size.MiB || p.Want.Limits.CPU.Or(0) != 40 {
		t.Errorf("want %s, the size that the steps lead to", p.Want.Limits)
	}
}

func TestEachGateHoldsAScaleDownAlone(t *testing.T) {
	if p := Decide(idle()); len(p.Gates) != len(decision.Gates()) {
		t.Fatalf("%d gates were asked, want all", len(p.Gates))
	}
	unknown := use.Track{}
	for name, tc := range map[string]struct {
		change      func(*Snapshot)
		wantGate    decision.Gate
		wantReason  decision.Reason
		wantMessage string
	}{
		"disabled": {blockedDown["suspended"], "suspended", "ScaleDownDisabled", "scaleDown.state is Disabled: set it to Enabled"},
		"the template is left": {func(s *Snapshot) { s.Settings.Down.TemplateLeft = true }, "suspended", "ScaleDownDisabled",
			"actuation.inPlace.template is Leave, so later pods would be born at the old size: set it to Converge, or remove scaleDown"},
		"paused by a person": {func(s *Snapshot) {
			s.Settings.DownPausedUntil, s.Settings.PauseReason = noon.Add(time.Hour), "change freeze"
		}, "suspended", "Paused", "spec.pause holds it until 2026-11-24T13:00:00Z: change freeze"},
		"a stale profile": {blockedDown["blind"], "blind", "SignalsMissing", "estimator Profile: its source is gone"},
		"a profile without a sign of life": {func(s *Snapshot) { s.Profile.Last = size.Of(noon.Add(-4 * time.Hour)) }, "blind", "SignalsMissing",
			"estimator Profile: the profile has shown no sign of life for 3h0m0s: is the profile service running?"},
		"a young profile": {func(s *Snapshot) { s.Profile.First = size.Of(noon.Add(-23 * time.Hour)) }, "blind", "SignalsMissing",
			"estimator Profile: the profile has seen less than 24h0m0s (estimators[].profile.minHistorySeconds)"},
		"a profile that lacks a resource": {func(s *Snapshot) { s.Profile.Target.CPU = size.Opt[size.MilliCPU]{} }, "blind", "SignalsMissing", "estimator Profile: the profile knows nothing of cpu"},
		"an unknown use of the other resource": {func(s *Snapshot) { s.Use.CPU = unknown }, "blind", "SignalsMissing",
			"its use of cpu has not been measured lately"},
		"the fleet's brake": {func(s *Snapshot) {
			s.Fleet.Brake, s.Fleet.BrakeReason = decision.ReasonFleetBlind, "40% of the tenants have no fresh signals"
		}, "blind", "FleetBlind",
			"40% of the tenants have no fresh signals"},
		"a replica that is not ready": {blockedDown["unsettled"], "unsettled", "Unhealthy", "1 of 2 replicas of Deployment kube-apiserver are ready"},
		"another component is being watched": {func(s *Snapshot) { s.History.WatchedElsewhere = "etcd-1" }, "unsettled", "ChangeInProgress",
			"the change of record etcd-1, of another component, is still being watched"},
		"no maintenance window is open": {blockedDown["outsideWindow"], "outsideWindow", "OutsideMaintenanceWindow", "none of scaleDown.maintenanceWindows is open"},
		"the last change is too recent": {blockedDown["coolingDown"], "coolingDown", "Cooldown", "the last change was at 2026-11-24T11:00:00Z, and the next may be 12h0m0s later"},
		"what was taken back waits twice as long": {func(s *Snapshot) { s.History.LastChange, s.History.Undone = size.Of(noon.Add(-13*time.Hour)), 1 }, "coolingDown", "Cooldown",
			"the last change was at 2026-11-23T23:00:00Z, and the next may be 24h0m0s later"},
		"trouble a day ago":   {blockedDown["recentTrouble"], "recentTrouble", "RecentTrouble", "there was trouble at 2026-11-23T13:00:00Z; nothing is made smaller for 24h0m0s after it"},
		"a step not worth it": {blockedDown["tooSmall"], "tooSmall", "BelowMinimumChange", "memory limit 512Mi → 500Mi, memory request 256Mi → 250Mi, cpu limit 400m → 370m, cpu request 200m → 185m is less than 10%"},
		"the budget is spent": {blockedDown["overBudget"], "overBudget", "BudgetSpent", "20 of 20 scale-downs within 1h0m0s are spent"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(idle(tc.change))
			if p.Gate != tc.wantGate || p.Reason != tc.wantReason || p.Verdict() != decision.VerdictHeld || p.To != p.From {
				t.Errorf("gate %q, reason %q, verdict %s, change %s", p.Gate, p.Reason, p.Verdict(), change(p.From, p.To))
			}
			_, held, _ := strings.Cut(p.Message, "; held: ")
			if diff := cmp.Diff(tc.wantMessage, held); diff != "" {
				t.Errorf("held by (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotLowOrHasNobodyWhoAsksForLessIsLeftAsItIs(t *testing.T) {
	mi := int64(size.MiB)
	for name, tc := range map[string]struct {
		change      func(*Snapshot)
		wantReason  decision.Reason
		wantVerdict decision.Verdict
	}{
		"no scaleDown":                {func(s *Snapshot) { s.Settings.Down = Down{} }, "WithinBounds", "Steady"},
		"low, but not for the window": {func(s *Snapshot) { s.Use = Use{CPU: lowSince(time.Hour, 1), Memory: lowSince(time.Hour, mi)} }, "Observing", "Steady"},
		"nothing is known":            {func(s *Snapshot) { s.Use = Use{} }, "SignalsMissing", "Steady"},
		"stale":                       {func(s *Snapshot) { s.Now = noon.Add(2 * time.Minute) }, "SignalsMissing", "Steady"},
		"between": {func(s *Snapshot) {
			s.Use.CPU.LowSince, s.Use.Memory.LowSince = size.Opt[time.Time]{}, size.Opt[time.Time]{}
		}, "WithinBounds", "Steady"},
		"no estimator but OOM": {func(s *Snapshot) { s.Settings.Profile = size.Opt[estimators.Profile]{} }, "WithinBounds", "Steady"},
		"the profile asks for what it is": {func(s *Snapshot) {
			s.Profile.Target = size.Amounts{CPU: size.Of(size.MilliCPU(200)), Memory: size.Of(512 * size.MiB)}
		}, "WithinBounds", "Steady"},
		"at the minimum": {func(s *Snapshot) { s.Settings.Min = s.Workload.Size.Limits }, "WithinBounds", "Steady"},
		"at the floor that a kill left": {func(s *Snapshot) {
			s.Use.CPU.LowSince = size.Opt[time.Time]{}
			s.History.Floor = size.Of(estimators.Floor{Memory: 512 * size.MiB, KilledAt: 512 * size.MiB, Since: noon})
		}, "WithinBounds", "Steady"},
		"at what the window's peak needs": {func(s *Snapshot) { s.Use.CPU.LowSince = size.Opt[time.Time]{}; s.Use.Memory.Peak = size.Of(470 * mi) }, "WithinBounds", "Steady"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(idle(tc.change))
			if p.Reason != tc.wantReason || p.Verdict() != tc.wantVerdict || p.To != p.From {
				t.Errorf("verdict %s, reason %s, change %s: %s", p.Verdict(), p.Reason, change(p.From, p.To), p.Message)
			}
		})
	}
}

func TestOnlyTheResourceOfWhichLittleIsUsedShrinks(t *testing.T) {
	p := Decide(idle(func(s *Snapshot) { s.Use.Memory.LowSince = size.Opt[time.Time]{} }))
	if p.Verdict() != decision.VerdictScaleDown || p.To.Limits.Memory != p.From.Limits.Memory || p.To.Limits.CPU.Or(0) != 300 {
		t.Errorf("%s: %s", p.Verdict(), p.Message)
	}
}

func TestStepsLeadToWhatTheEstimatorsAskForAndNoFurther(t *testing.T) {
	s := idle()
	for range 20 {
		p := Decide(s)
		if p.Verdict() != decision.VerdictScaleDown {
			break
		}
		if why := broken(s, p); why != "" {
			t.Fatal(why)
		}
		s.Workload.Size = p.To
	}
	// The window's peak of 90Mi would be 90% of 101Mi; the profile asks for 100Mi.
	if got, want := s.Workload.Size.Limits.Memory.Or(0), 112*size.MiB; got > want || got < 101*size.MiB {
		t.Errorf("the steps end at %s, want between 101Mi and %s, the last step of at least 10%%", got, want)
	}
}

func TestHighUseGrowsByOneStepAndOnlyWhatIsInNeed(t *testing.T) {
	busy := func(changes ...func(*Snapshot)) Snapshot {
		return idle(append([]func(*Snapshot){func(s *Snapshot) {
			s.Settings.AnswersHighCPU, s.Settings.AnswersHighMemory = true, true
			s.Settings.Utilization = size.Of(estimators.Utilization{TargetPercent: 70})
			s.Use.Memory = highSince(2*time.Minute, int64(480*size.MiB))
		}}, changes...)...)
	}
	p := Decide(busy())
	if p.Verdict() != decision.VerdictScaleUp || p.Reason != decision.ReasonUseHigh || p.To.Limits.Memory.Or(0) != 686*size.MiB || p.To.Limits.CPU != p.From.Limits.CPU {
		t.Errorf("%s: %s", p.Verdict(), p.Message)
	}
	for name, tc := range map[string]struct {
		change   func(*Snapshot)
		verdict  decision.Verdict
		wantGate decision.Gate
	}{
		"not among the triggers":      {func(s *Snapshot) { s.Settings.AnswersHighMemory = false }, "ScaleDown", ""}, // cpu is low
		"not for as long as asked":    {func(s *Snapshot) { s.Use.Memory = highSince(30*time.Second, int64(480*size.MiB)) }, "ScaleDown", ""},
		"within the cooldown":         {func(s *Snapshot) { s.History.LastChange = size.Of(noon.Add(-50 * time.Second)) }, "Held", "coolingDown"},
		"paused":                      {func(s *Snapshot) { s.Settings.UpPausedUntil = noon.Add(time.Second) }, "Held", "suspended"},
		"a pause that is over":        {func(s *Snapshot) { s.Settings.UpPausedUntil = noon }, "ScaleUp", ""},
		"outside the windows: grows":  {blockedDown["outsideWindow"], "ScaleUp", ""},
		"over the budget: grows":      {blockedDown["overBudget"], "ScaleUp", ""},
		"with a stale profile: grows": {blockedDown["blind"], "ScaleUp", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if p := Decide(busy(tc.change)); p.Verdict() != tc.verdict || p.Gate != tc.wantGate {
				t.Errorf("verdict %s, gate %q: %s", p.Verdict(), p.Gate, p.Message)
			}
		})
	}
}

func TestTroubleWhileAScaleDownIsWatchedTakesItBack(t *testing.T) {
	before := sized(400, 512*size.MiB, 800, 2*size.GiB)
	watched := func(changes ...func(*Snapshot)) Snapshot {
		return idle(append([]func(*Snapshot){func(s *Snapshot) {
			s.History.Watched = size.Of(WatchedDown{Record: "etcd-1", From: before})
			s.History.LastChange = size.Of(noon.Add(-time.Minute))
		}}, changes...)...)
	}
	for name, tc := range map[string]struct {
		change func(*Snapshot)
		reason decision.Reason
	}{
		"high use": {func(s *Snapshot) { s.Use.Memory = highSince(2*time.Minute, int64(480*size.MiB)) }, "Undone"},
		"a kill":   {killed1, "OOMKilled"},
		"high use in an unsettled tenant": {func(s *Snapshot) {
			s.Use.CPU, s.Workload.RolloutInProgress = highSince(2*time.Minute, 390), true
		}, "Undone"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(watched(tc.change))
			if p.Verdict() != decision.VerdictScaleUp || p.Reason != tc.reason || p.Undoes != "etcd-1" {
				t.Fatalf("verdict %s, reason %s, undoes %q: %s", p.Verdict(), p.Reason, p.Undoes, p.Message)
			}
			if less(p.To.Ceiling(), before.Ceiling()) {
				t.Errorf("to %s, want at least what it was before: %s", p.To.Ceiling(), before.Ceiling())
			}
		})
	}
	if p := Decide(watched()); p.Undoes != "" || p.Verdict() != decision.VerdictHeld {
		t.Errorf("without trouble: %s, undoes %q", p.Message, p.Undoes)
	}
}

func TestAMaintenanceWindowIsOpenByTheClocksOfItsZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	nights := Window{Days: []time.Weekday{time.Friday}, Start: 22 * time.Hour, Length: 6 * time.Hour, Zone: berlin}
	for at, want := range map[string]bool{
		"2026-11-27T20:59:59Z": false, // Friday 21:59:59 in Berlin
		"2026-11-27T21:00:00Z": true,
		"2026-11-28T02:59:59Z": true, // Saturday morning: it began on Friday
		"2026-11-28T03:00:00Z": false,
		"2026-11-28T21:30:00Z": false, // Saturday night
		"2026-07-03T20:00:00Z": true,  // summer time: 22:00 is 20:00Z
		"2026-07-03T19:59:00Z": false,
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := nights.Open(now); got != want {
			t.Errorf("at %s: open %v, want %v", at, got, want)
		}
	}
}
