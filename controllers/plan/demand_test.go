package plan

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

func TestDemandSaysWhatIsAskedForAndWhy(t *testing.T) {
	missed := func(n int32) func(*Snapshot) { return func(s *Snapshot) { s.Kills[0].Missed = n } }
	again := func(s *Snapshot) {
		s.Kills = append(s.Kills, kill(decision.KillContainer, "b", 0, time.Second))
	}
	for name, tc := range map[string]struct {
		snapshot    Snapshot
		wantKind    DemandKind
		wantReason  decision.Reason
		wantVerdict decision.Verdict
		wantMessage string
	}{
		"nothing": {calm(), DemandNone, "WithinBounds", "Steady", "no trigger asks for a change"},
		"a workload that is not there": {
			with(calm(), killed1, func(s *Snapshot) { s.Workload = Workload{Name: "StatefulSet etcd", Container: "etcd"} }),
			DemandUnknown, "WorkloadNotFound", "Unknown", "StatefulSet etcd does not exist in this namespace: correct target.kind and target.name, or create it"},
		"a container that is not there": {
			with(calm(), killed1, func(s *Snapshot) { s.Workload.Container, s.Workload.ContainerFound = "apiserver", false }),
			DemandUnknown, "ContainerNotFound", "Unknown", `Deployment kube-apiserver has no container "apiserver": set target.container to one of kube-apiserver, konnectivity`},
		"a container of a workload that has none": {
			with(calm(), func(s *Snapshot) { s.Workload.ContainerFound, s.Workload.Containers = false, nil }),
			DemandUnknown, "ContainerNotFound", "Unknown", `Deployment kube-apiserver has no container "kube-apiserver": set target.container to one of its containers`},
		"a kill that no trigger answers": {
			with(calm(), killed1, func(s *Snapshot) { s.Settings.AnswersOOM = false }),
			DemandNone, "TriggerDisabled", "Steady", "a/kube-apiserver at 11:59:57Z was OOM-killed, but OOM is not among scaleUp.triggers: add it to answer kills"},
		"the minimum, though no trigger answers the kill": {
			with(calm(), killed1, atMin(-1, size.GiB), func(s *Snapshot) { s.Settings.AnswersOOM = false }),
			DemandMinimum, "BelowMinimum", "ScaleUp", "memory 512Mi lies below bounds.min.memory 1Gi: memory limit 512Mi → 1Gi, memory request 256Mi → 512Mi"},
		"less cpu than the minimum": {
			with(calm(), atMin(800, -1)), DemandMinimum, "BelowMinimum", "ScaleUp", "cpu 400m lies below bounds.min.cpu 800m: cpu limit 400m → 800m, cpu request 200m → 400m"},
		"exactly the minimum": {
			with(calm(), atMin(400, 512*size.MiB)), DemandNone, "WithinBounds", "Steady", "no trigger asks for a change"},
		"a minimum for what is not set is none": {
			with(calm(), atSize(sized(200, -1, 400, -1)), atMin(-1, size.GiB)), DemandNone, "WithinBounds", "Steady", "no trigger asks for a change"},
		"a kill": {
			with(calm(), killed1), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed at its memory limit of 512Mi: memory limit 512Mi → 768Mi, memory request 256Mi → 384Mi"},
		"a kill, and the minimum with it": {
			with(calm(), killed1, atMin(800, size.GiB)), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed at its memory limit of 512Mi: memory limit 512Mi → 1Gi, memory request 256Mi → 512Mi, cpu limit 400m → 800m, cpu request 200m → 400m"},
		"kills of two replicas are one event, told of the newest": {
			with(calm(), killed1, again), DemandOOM, "OOMKilled", "ScaleUp",
			"b/kube-apiserver at 11:59:59Z was OOM-killed at its memory limit of 512Mi (and 1 more kill): memory limit 512Mi → 768Mi, memory request 256Mi → 384Mi"},
		"the same kill twice is one": {
			with(calm(), killed1, func(s *Snapshot) { s.Kills = append(s.Kills, s.Kills[0], s.Kills[0]) }), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed at its memory limit of 512Mi: memory limit 512Mi → 768Mi, memory request 256Mi → 384Mi"},
		"missed restarts double": {
			with(calm(), killed1, missed(2)), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed at its memory limit of 512Mi (missed before it: 2 restarts): memory limit 512Mi → 1536Mi, memory request 256Mi → 768Mi"},
		"the container's kill comes before the node's": {
			with(calm(), nodeKilled, again), DemandOOM, "OOMKilled", "ScaleUp",
			"b/kube-apiserver at 11:59:59Z was OOM-killed at its memory limit of 512Mi: memory limit 512Mi → 768Mi, memory request 256Mi → 384Mi"},
		"a node's kill raises the request only": {
			with(calm(), nodeKilled), DemandNodeOOM, "NodeOutOfMemory", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed far below its limit, or without one: its node ran out of memory: memory request 256Mi → 384Mi"},
		"a node's kill that repeats is the container's own": {
			with(calm(), nodeKilled, func(s *Snapshot) { s.Kills = append(s.Kills, kill(decision.KillNode, "a", 1, time.Second)) }), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:59Z was OOM-killed again, far below its memory limit of 512Mi: a kill that repeats is taken as the container's own: memory limit 512Mi → 1Gi, memory request 256Mi → 512Mi"},
		"so is one within the window after an answer": {
			with(calm(), nodeKilled, answeredAgo(time.Minute, 0)), DemandOOM, "OOMKilled", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed again, far below its memory limit of 512Mi: a kill that repeats is taken as the container's own: memory limit 512Mi → 1Gi, memory request 256Mi → 512Mi"},
		"a node that kills two replicas at once stays the node's": {
			with(calm(), nodeKilled, func(s *Snapshot) { s.Kills = append(s.Kills, kill(decision.KillNode, "b", 0, time.Second)) }), DemandNodeOOM, "NodeOutOfMemory", "ScaleUp",
			"b/kube-apiserver at 11:59:59Z was OOM-killed far below its limit, or without one: its node ran out of memory: memory request 256Mi → 384Mi"},
		"without a limit only the node can have killed again": {
			with(calm(), nodeKilled, atSize(sized(200, 256*size.MiB, -1, -1)), answeredAgo(time.Minute, 0), func(s *Snapshot) { s.Kills[0].Limit = size.Opt[size.Bytes]{} }), DemandNodeOOM, "NodeOutOfMemory", "ScaleUp",
			"a/kube-apiserver at 11:59:57Z was OOM-killed far below its limit, or without one: its node ran out of memory: memory request 256Mi → 384Mi"},
		"kills that need no answer ask for nothing": {
			with(calm(), func(s *Snapshot) {
				s.Kills = []oom.Kill{kill(decision.KillReplaced, "a", 0, 0), kill(decision.KillNotOOM, "b", 0, 0), kill(decision.KillOutlived, "c", 0, 0), kill("", "d", 0, 0)}
			}), DemandNone, "WithinBounds", "Steady", "no trigger asks for a change"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.snapshot)
			if p.Demand.Kind != tc.wantKind || p.Reason != tc.wantReason || p.Verdict() != tc.wantVerdict {
				t.Errorf("demand %s, reason %s, verdict %s", p.Demand.Kind, p.Reason, p.Verdict())
			}
			if diff := cmp.Diff(tc.wantMessage, p.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if len(p.Estimates) == 0 || p.Estimates[0].Message == "" {
				t.Errorf("estimates %+v, want every estimator's answer", p.Estimates)
			}
		})
	}
}

func TestLevelCountsKillsInARow(t *testing.T) {
	k := func(pod string, incarnation int, ago time.Duration, missed int32) oom.Kill {
		out := kill(decision.KillContainer, pod, incarnation, ago)
		out.Missed = missed
		return out
	}
	for name, tc := range map[string]struct {
		kills   []oom.Kill
		history func(*Snapshot)
		want    int
	}{
		"the first":                                                  {[]oom.Kill{k("a", 0, 0, 0)}, nil, 0},
		"both replicas at once are the first":                        {[]oom.Kill{k("a", 0, 1, 0), k("b", 0, 0, 0)}, nil, 0},
		"two of one container are a repeat":                          {[]oom.Kill{k("a", 0, 1, 0), k("a", 1, 0, 0)}, nil, 1},
		"missed ones count as kills":                                 {[]oom.Kill{k("a", 3, 0, 3)}, nil, 3},
		"the worst replica counts":                                   {[]oom.Kill{k("a", 0, 2, 0), k("b", 4, 1, 4), k("a", 1, 0, 0)}, nil, 4},
		"again within the window":                                    {[]oom.Kill{k("a", 0, 0, 0)}, answeredAgo(time.Hour, 0), 1},
		"on from the level of the last answer":                       {[]oom.Kill{k("a", 0, 0, 0)}, answeredAgo(time.Minute, 2), 3},
		"after the window it is the first again":                     {[]oom.Kill{k("a", 0, 0, 0)}, answeredAgo(time.Hour+1, 2), 0},
		"a late kill, before the last answered one":                  {[]oom.Kill{k("a", 0, time.Hour, 0)}, answeredAgo(time.Minute, 0), 1},
		"nonsense in the status is bounded":                          {[]oom.Kill{k("a", 0, 0, 0)}, answeredAgo(0, math.MaxInt), 65},
		"so is what is negative":                                     {[]oom.Kill{k("a", 0, 0, -7)}, answeredAgo(0, -7), 1},
		"no kill is level 0, whatever was before":                    {nil, answeredAgo(0, 4), 0},
		"kills in the wrong order":                                   {[]oom.Kill{k("a", 1, 0, 0), k("a", 0, 2*time.Hour, 0)}, answeredAgo(time.Hour, 0), 1},
		"two of one container with the window between are no repeat": {[]oom.Kill{k("a", 0, time.Hour+1, 0), k("a", 1, 0, 0)}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := calm()
			s.Kills = tc.kills
			if tc.history != nil {
				tc.history(&s)
			}
			if got := Decide(s).Level; got != tc.want {
				t.Errorf("level %d, want %d", got, tc.want)
			}
		})
	}
}

func TestDecideLeavesTheSnapshotAsItIs(t *testing.T) {
	s := with(calm(), func(s *Snapshot) {
		s.Kills = []oom.Kill{kill(decision.KillContainer, "b", 1, 0), kill(decision.KillContainer, "a", 0, time.Minute)}
	})
	s.Workload.Others = make([]size.Size, 1, 4)
	Decide(s)
	if s.Kills[0].Pod != "b" || s.Workload.Others[:2][1] != (size.Size{}) {
		t.Error("Decide changed the snapshot")
	}
}
