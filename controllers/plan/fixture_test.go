package plan

import (
	"fmt"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// calm is a component of which all is well: Burstable, 256Mi of 512Mi.
func calm() Snapshot {
	return Snapshot{
		Now: noon,
		Settings: Settings{
			AnswersOOM:          true,
			OOM:                 estimators.OOM{BumpPercent: 50, MaxBumpPercent: 400, MinBump: 32 * size.MiB, FloorHalfLife: 7 * 24 * time.Hour},
			RepeatWindow:        time.Hour,
			MaxIncreasesPerDay:  6,
			HoldForForeignOwner: true,
		},
		Workload: Workload{
			Name: "Deployment kube-apiserver", Container: "kube-apiserver", Found: true, ContainerFound: true,
			Containers: []string{"kube-apiserver", "konnectivity"}, Replicas: 2,
			Size: sized(200, 256*size.MiB, 400, 512*size.MiB),
		},
	}
}

// with changes a snapshot.
func with(s Snapshot, changes ...func(*Snapshot)) Snapshot {
	for _, change := range changes {
		change(&s)
	}
	return s
}

// sized makes a size; a negative amount is an absent one.
func sized(cpuRequest size.MilliCPU, memoryRequest size.Bytes, cpuLimit size.MilliCPU, memoryLimit size.Bytes) size.Size {
	return size.Size{Replicas: size.Of(int32(2)),
		Requests: size.Amounts{CPU: opt(cpuRequest), Memory: opt(memoryRequest)},
		Limits:   size.Amounts{CPU: opt(cpuLimit), Memory: opt(memoryLimit)}}
}

func opt[T size.MilliCPU | size.Bytes](v T) size.Opt[T] {
	if v < 0 {
		return size.Opt[T]{}
	}
	return size.Of(v)
}

// kill is a kill of a pod's incarnation, so many seconds ago.
func kill(class decision.KillClass, pod string, incarnation int, ago time.Duration) oom.Kill {
	return oom.Kill{
		Key: oom.Key{PodUID: "uid-" + pod, Container: "kube-apiserver", ID: fmt.Sprint("containerd://", incarnation)},
		Pod: pod, ContainerID: fmt.Sprint("containerd://", incarnation), ExitCode: 137, FinishedAt: noon.Add(-ago),
		Incarnation: int32(incarnation), Limit: size.Of(512 * size.MiB), Class: class,
	}
}

// killed has one container killed at its limit three seconds ago.
func killed1(s *Snapshot) {
	s.Kills = []oom.Kill{kill(decision.KillContainer, "a", 0, 3*time.Second)}
}

// nodeKilled has one killed by its node.
func nodeKilled(s *Snapshot) {
	s.Kills = []oom.Kill{kill(decision.KillNode, "a", 0, 3*time.Second)}
}

func atSize(sz size.Size) func(*Snapshot) { return func(s *Snapshot) { s.Workload.Size = sz } }

func atMin(cpu size.MilliCPU, memory size.Bytes) func(*Snapshot) {
	return func(s *Snapshot) { s.Settings.Min = size.Amounts{CPU: opt(cpu), Memory: opt(memory)} }
}

func upTo(cpu size.MilliCPU, memory size.Bytes) func(*Snapshot) {
	return func(s *Snapshot) { s.Settings.Max = size.Amounts{CPU: opt(cpu), Memory: opt(memory)} }
}

func onNodes(nodes ...Node) func(*Snapshot) { return func(s *Snapshot) { s.Nodes = nodes } }

func beside(others ...size.Size) func(*Snapshot) {
	return func(s *Snapshot) { s.Workload.Others = others }
}

func answeredAgo(ago time.Duration, repeats int) func(*Snapshot) {
	return func(s *Snapshot) { s.History.LastAnswer, s.History.Repeats = size.Of(noon.Add(-ago)), repeats }
}

// increased remembers n increases, an hour apart, the newest an hour ago.
func increased(n int) func(*Snapshot) {
	return func(s *Snapshot) {
		for i := range n {
			s.History.Increases = append(s.History.Increases, noon.Add(-time.Duration(n-i)*time.Hour))
		}
	}
}
