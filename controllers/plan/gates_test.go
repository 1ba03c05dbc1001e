package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// blocked makes each gate hold a calm growth to the minimum.
var blocked = map[decision.Gate]func(*Snapshot){
	decision.GateSuspended:  func(s *Snapshot) { s.Settings.Off = true },
	decision.GateUnmanaged:  func(s *Snapshot) { s.Workload.Replicas = 0 },
	decision.GateConflicted: func(s *Snapshot) { s.Workload.ForeignOwner = "Argo CD" },
	// A node's kill needs memory to grow from; this one has cpu only.
	decision.GateBlind:     func(s *Snapshot) { s.Workload.Size = sized(200, -1, 400, -1); nodeKilled(s) },
	decision.GateUnsettled: func(s *Snapshot) { s.Workload.RolloutInProgress = true },
	decision.GateLeaking:   increased(6),
	decision.GateTooSmall:  atMin(-1, 513*size.MiB),
}

// growing is a calm growth that passes every gate.
func growing(changes ...func(*Snapshot)) Snapshot {
	return with(calm(), append([]func(*Snapshot){atMin(-1, size.GiB)}, changes...)...)
}

func TestEveryGateOfTheAPIIsAskedInItsOrder(t *testing.T) {
	p := Decide(growing())
	var asked []decision.Gate
	for _, g := range p.Gates {
		if g.Held || g.NotAsked {
			t.Errorf("gate %s: %+v, want it asked and passed", g.Gate, g)
		}
		asked = append(asked, g.Gate)
	}
	if diff := cmp.Diff(decision.Gates(), asked); diff != "" {
		t.Errorf("gates asked (-want +got):\n%s", diff)
	}
	if len(gates) != len(decision.Gates()) {
		t.Errorf("%d checks for %d gates", len(gates), len(decision.Gates()))
	}
	want := []decision.Gate{"suspended", "unmanaged", "conflicted", "blind", "unsettled", "outsideWindow", "coolingDown", "recentTrouble", "leaking", "tooSmall", "overBudget"}
	if diff := cmp.Diff(want, decision.Gates()); diff != "" {
		t.Errorf("the order is API (-want +got):\n%s", diff)
	}
}

func TestOfTwoGatesTheEarlierIsTheReason(t *testing.T) {
	for direction, tc := range map[string]struct {
		blocked map[decision.Gate]func(*Snapshot)
		of      func(...func(*Snapshot)) Snapshot
	}{"growing": {blocked, growing}, "shrinking": {blockedDown, idle}} {
		for i, earlier := range decision.Gates() {
			for _, later := range decision.Gates()[i+1:] {
				first, second := tc.blocked[earlier], tc.blocked[later]
				if first == nil || second == nil {
					continue // the gate is not for this direction
				}
				t.Run(fmt.Sprintf("%s: %s before %s", direction, earlier, later), func(t *testing.T) {
					p := Decide(tc.of(second, first))
					if p.Gate != earlier || p.Verdict() != decision.VerdictHeld {
						t.Errorf("verdict %s, gate %s: %s", p.Verdict(), p.Gate, p.Message)
					}
					if last := p.Gates[len(p.Gates)-1]; last.Gate != earlier || !last.Held || len(p.Gates) != i+1 {
						t.Errorf("gates asked: %+v, want %s to be the last", p.Gates, earlier)
					}
				})
			}
		}
	}
}

const belowGiB = "memory 512Mi lies below bounds.min.memory 1Gi; held: "

func TestEachGateHoldsAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		snapshot    Snapshot
		wantGate    decision.Gate
		wantReason  decision.Reason
		wantMessage string
	}{
		"suspended while the mode is Off": {
			growing(blocked[decision.GateSuspended]), "suspended", "ModeOff", belowGiB + "spec.mode is Off: set it to DryRun or Auto"},
		"suspended while growth is disabled": {
			growing(func(s *Snapshot) { s.Settings.ScaleUpDisabled = true }), "suspended", "ScaleUpDisabled", belowGiB + "scaleUp.state is Disabled: set it to Enabled"},
		"unmanaged at zero replicas": {
			growing(blocked[decision.GateUnmanaged]), "unmanaged", "NoReplicas", belowGiB + "Deployment kube-apiserver is scaled to zero"},
		"unmanaged while others pause it": {
			growing(func(s *Snapshot) { s.Workload.PausedBy = "paused by gardener" }), "unmanaged", "PausedByOthers", belowGiB + "Deployment kube-apiserver is left alone: paused by gardener"},
		"conflicted when another owns it": {
			growing(blocked[decision.GateConflicted]), "conflicted", "ForeignOwner",
			belowGiB + "Argo CD owns the resources of Deployment kube-apiserver: change them there, or set actuation.inPlace.onForeignOwner to TakeOver"},
		"conflicted after three reverts": {
			growing(func(s *Snapshot) { s.History.Reverts = 3 }), "conflicted", "Reverted",
			belowGiB + "another writer undid what Metapilot wrote 3 times: stop it, or remove the component from the ClusterScaler; any change of the ClusterScaler's spec tries again"},
		"blind without memory to grow from": {
			growing(blocked[decision.GateBlind]), "blind", "NoLimit",
			"a/kube-apiserver at 11:59:57Z was OOM-killed far below its limit, or without one: its node ran out of memory; held: " +
				"container kube-apiserver of Deployment kube-apiserver has neither a memory limit nor a memory request to grow from: set them in the workload"},
		"unsettled while a change is carried out": {
			growing(func(s *Snapshot) { s.History.ChangeInProgress = "record-1" }), "unsettled", "ChangeInProgress", belowGiB + "the change of record record-1 is still being carried out"},
		"unsettled while a rollout goes on": {
			growing(blocked[decision.GateUnsettled]), "unsettled", "RolloutInProgress", belowGiB + "a rollout of Deployment kube-apiserver is under way"},
		"leaking after as many increases as allowed": {
			growing(blocked[decision.GateLeaking]), "leaking", "LeakSuspected",
			belowGiB + "memory was raised 6 times within 24 hours: look for a leak; raise scaleUp.maxIncreasesPerDay if the need is real"},
		"tooSmall below a percent": {
			growing(blocked[decision.GateTooSmall]), "tooSmall", "BelowMinimumChange",
			"memory 512Mi lies below bounds.min.memory 513Mi; held: memory limit 512Mi → 513Mi is less than 1%"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.snapshot)
			if p.Gate != tc.wantGate || p.Reason != tc.wantReason || p.Verdict() != decision.VerdictHeld || p.To != p.From {
				t.Errorf("gate %q, reason %q, verdict %s, change %s", p.Gate, p.Reason, p.Verdict(), change(p.From, p.To))
			}
			if diff := cmp.Diff(tc.wantMessage, p.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGatesLetPassWhatIsNotTheirs(t *testing.T) {
	for name, snapshot := range map[string]Snapshot{
		"two reverts":                           growing(func(s *Snapshot) { s.History.Reverts = 2 }),
		"a foreign owner, taken over":           growing(blocked[decision.GateConflicted], func(s *Snapshot) { s.Settings.HoldForForeignOwner = false }),
		"one increase less than allowed":        growing(increased(5)),
		"an increase exactly a day ago":         growing(increased(5), func(s *Snapshot) { s.History.Increases = append(s.History.Increases, noon.Add(-24*time.Hour)) }),
		"a leak does not hold cpu":              with(calm(), atMin(800, -1), increased(6)),
		"a change of exactly a percent":         growing(atSize(sized(200, 100*size.MiB, 400, 100*size.MiB)), atMin(-1, 101*size.MiB)),
		"a percent of cpu beside little memory": growing(atMin(404, 513*size.MiB)),
	} {
		t.Run(name, func(t *testing.T) {
			if p := Decide(snapshot); p.Verdict() != decision.VerdictScaleUp {
				t.Errorf("verdict %s, gate %q: %s", p.Verdict(), p.Gate, p.Message)
			}
		})
	}
}

func TestUrgentGrowthPassesUnsettledAndTooSmallAndNothingElse(t *testing.T) {
	for gate, block := range blocked {
		t.Run(string(gate), func(t *testing.T) {
			s := with(calm(), block, killed1, upTo(-1, 513*size.MiB))
			passes := gate == decision.GateUnsettled || gate == decision.GateTooSmall ||
				gate == decision.GateConflicted // the running pods only: see TestForeignOwner
			p := Decide(s)
			if got := p.Verdict() == decision.VerdictScaleUp; got != passes {
				t.Errorf("verdict %s, gate %q: %s", p.Verdict(), p.Gate, p.Message)
			}
			var notAsked []decision.Gate
			for _, g := range p.Gates {
				if g.NotAsked {
					notAsked = append(notAsked, g.Gate)
				}
			}
			if passes && !slices.Equal(notAsked, []decision.Gate{"unsettled", "outsideWindow", "coolingDown", "tooSmall", "overBudget"}) {
				t.Errorf("not asked: %v", notAsked)
			}
			if gate.PassedByUrgent() != (gate == decision.GateUnsettled || gate == decision.GateTooSmall) {
				t.Errorf("PassedByUrgent() = %v", gate.PassedByUrgent())
			}
		})
	}
}

func TestANodesKillIsNotUrgent(t *testing.T) {
	if p := Decide(with(calm(), nodeKilled, blocked[decision.GateUnsettled])); p.Gate != decision.GateUnsettled {
		t.Errorf("gate %q, want unsettled: %s", p.Gate, p.Message)
	}
}

func TestForeignOwnersTemplateIsNotWrittenButItsPodsAreRescued(t *testing.T) {
	owned := blocked[decision.GateConflicted]
	for name, tc := range map[string]struct {
		snapshot     Snapshot
		wantVerdict  decision.Verdict
		wantPodsOnly bool
	}{
		"urgent: the pods only":                {with(calm(), killed1, owned), decision.VerdictScaleUp, true},
		"urgent, taken over: the template too": {with(calm(), killed1, owned, func(s *Snapshot) { s.Settings.HoldForForeignOwner = false }), decision.VerdictScaleUp, false},
		"urgent, nobody else's":                {with(calm(), killed1), decision.VerdictScaleUp, false},
		"calm: held":                           {growing(owned), decision.VerdictHeld, false},
		"urgent after three reverts: held":     {with(calm(), killed1, owned, func(s *Snapshot) { s.History.Reverts = 3 }), decision.VerdictHeld, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.snapshot)
			if p.Verdict() != tc.wantVerdict || p.PodsOnly != tc.wantPodsOnly {
				t.Errorf("verdict %s, pods only %v: %s", p.Verdict(), p.PodsOnly, p.Message)
			}
		})
	}
}
