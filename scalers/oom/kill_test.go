package oom

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/size"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// ended is how incarnation n of a container ended: a minute after the one before.
func ended(n int32) size.Opt[Termination] {
	return size.Of(Termination{ContainerID: idOf(n), Reason: reasonOOMKilled, ExitCode: 137, FinishedAt: noon.Add(time.Duration(n) * time.Minute)})
}

func idOf(n int32) string { return "containerd://" + fmt.Sprint(n) }

func running(restarts int32) Sighting {
	s := Sighting{PodUID: "uid", Pod: "kube-apiserver-0", Container: "kube-apiserver", RestartCount: restarts, ContainerID: idOf(restarts)}
	if restarts > 0 {
		s.Last = ended(restarts - 1)
	}
	return s
}

func terminated(restarts int32) Sighting {
	s := running(restarts)
	s.State = ended(restarts)
	return s
}

// waiting is a container in CrashLoopBackOff: the kubelet shows the newest end as the last one, and the container's ID.
func waiting(restarts int32) Sighting {
	s := running(restarts)
	s.Last = ended(restarts)
	return s
}

// found are the kills that a run of sightings shows, each once, with what was missed before each: as the controller
// reads them.
type found struct {
	Incarnations []int32
	Missed       []int32
}

func read(known Incarnations, sightings ...Sighting) found {
	var out found
	answered := map[Key]bool{}
	for _, s := range sightings {
		for _, k := range s.Kills() {
			c := Container{PodUID: k.PodUID, Name: k.Container}
			if !answered[k.Key] {
				out.Incarnations = append(out.Incarnations, k.Incarnation)
				out.Missed = append(out.Missed, known.Missed(c, k.Incarnation))
			}
			answered[k.Key] = true
			known.Note(c, k.Incarnation)
		}
		known.See(s)
	}
	return out
}

// The rows are those of the table "VPA observer on single transitions"; VPA's observer sees none of the kills marked *.
func TestEveryTransitionOfAKilledContainerIsSeenOnce(t *testing.T) {
	falsePositive := terminated(0)
	falsePositive.State = size.Of(Termination{ContainerID: idOf(0), Reason: reasonOOMKilled, ExitCode: 143, FinishedAt: noon})
	for name, tc := range map[string]struct {
		sightings []Sighting
		want      found
	}{
		"1: Running to Terminated": {
			[]Sighting{running(0), terminated(0)}, found{[]int32{0}, []int32{0}}},
		"2: Running to Running, one restart more": {
			[]Sighting{running(0), running(1)}, found{[]int32{0}, []int32{0}}},
		"3: Running to Running, four restarts more (three lost *)": {
			[]Sighting{running(0), running(4)}, found{[]int32{3}, []int32{3}}},
		"4: Running to Waiting in CrashLoopBackOff *": {
			[]Sighting{running(2), waiting(2)}, found{[]int32{1, 2}, []int32{0, 0}}},
		"5a: Waiting to Waiting, one restart more *": {
			[]Sighting{waiting(2), waiting(3)}, found{[]int32{2, 3}, []int32{0, 0}}},
		"5b: Waiting to Running, one restart more *": {
			[]Sighting{waiting(2), running(3)}, found{[]int32{2}, []int32{0}}},
		"6: first seen Running after a kill, the observer was down *": {
			[]Sighting{running(5)}, found{[]int32{4}, []int32{0}}},
		"7: Terminated with exit code 143 is found, and judged not to be one": {
			[]Sighting{running(0), falsePositive}, found{[]int32{0}, []int32{0}}},
		"Terminated, with the kill before it in lastState": {
			[]Sighting{terminated(3)}, found{[]int32{2, 3}, []int32{0, 0}}},
		"Terminated to Waiting to Running is one kill": {
			[]Sighting{terminated(0), waiting(0), running(1)}, found{[]int32{0}, []int32{0}}},
		"Waiting to Waiting, three restarts more": {
			[]Sighting{waiting(1), waiting(4)}, found{[]int32{1, 4}, []int32{0, 2}}},
		"Waiting to Terminated of the next is nothing missed": {
			[]Sighting{waiting(1), terminated(2)}, found{[]int32{1, 2}, []int32{0, 0}}},
		"the same sighting again": {
			[]Sighting{running(1), running(1), running(1)}, found{[]int32{0}, []int32{0}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, read(Incarnations{}, tc.sightings...)); diff != "" {
				t.Errorf("kills (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKillsSayWhatWasSeen(t *testing.T) {
	other := func(s Sighting, reason string) Sighting {
		s.State = size.Of(Termination{ContainerID: idOf(0), Reason: reason, ExitCode: 1, FinishedAt: noon})
		return s
	}
	full := terminated(1)
	full.Limit, full.Request = size.Of(512*size.MiB), size.Of(256*size.MiB)
	kill := func(n int32) Kill {
		return Kill{Key: Key{"uid", "kube-apiserver", idOf(n)}, Pod: "kube-apiserver-0", ContainerID: idOf(n), ExitCode: 137, FinishedAt: noon.Add(time.Duration(n) * time.Minute),
			RestartCount: 1, Incarnation: n, Limit: size.Of(512 * size.MiB), Request: size.Of(256 * size.MiB)}
	}
	for name, tc := range map[string]struct {
		sighting Sighting
		want     []Kill
	}{
		"both ends, the older first":                   {full, []Kill{kill(0), kill(1)}},
		"a container that runs was not killed":         {running(0), nil},
		"an end for another reason is no kill":         {other(running(0), "Error"), nil},
		"an eviction is no kill":                       {other(running(0), "Evicted"), nil},
		"the reason is matched as written":             {other(running(0), "oomkilled"), nil},
		"nothing known of the container shows no kill": {Sighting{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.sighting.Kills(), cmp.Comparer(func(a, b size.Opt[size.Bytes]) bool { return a == b })); diff != "" {
				t.Errorf("Kills() (-want +got):\n%s", diff)
			}
		})
	}
}

// A Sighting is of one container, whichever list of the pod's status it came from; each container has its own keys and
// its own count.
func TestContainersOfOnePodAreCountedEachByItself(t *testing.T) {
	sidecar, initial := running(1), terminated(0)
	sidecar.Container, initial.Container = "konnectivity", "migrate"
	known := Incarnations{}
	for _, s := range []Sighting{running(0), sidecar, initial} {
		read(known, s)
	}
	want := Incarnations{{"uid", "kube-apiserver"}: -1, {"uid", "konnectivity"}: 0, {"uid", "migrate"}: 0}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("incarnations (-want +got):\n%s", diff)
	}
	if a, b := sidecar.Kills()[0].Key, running(1).Kills()[0].Key; a == b {
		t.Errorf("two containers share the key %v", a)
	}
}

func TestPodsOfTheSameNameInTwoTenantsNeverShareAKill(t *testing.T) {
	a, b := terminated(0), terminated(0)
	b.PodUID = "another uid" // same pod name, container and time; the ID too, as a worst case
	if a.Kills()[0].Key == b.Kills()[0].Key {
		t.Errorf("two pods share the key %v", a.Kills()[0].Key)
	}
	known := Incarnations{}
	read(known, b)
	if got := known.Missed(Container{"uid", "kube-apiserver"}, 7); got != 0 {
		t.Errorf("%d kills missed of a pod of which only its namesake was seen", got)
	}
}

func TestAKillWithoutContainerIDIsKnownByItsTime(t *testing.T) {
	end := Termination{Reason: reasonOOMKilled, ExitCode: 137, FinishedAt: noon}
	state := Sighting{PodUID: "uid", Container: "etcd", State: size.Of(end)}
	end.FinishedAt = noon.In(time.FixedZone("east", 3600))
	last := Sighting{PodUID: "uid", Container: "etcd", RestartCount: 1, Last: size.Of(end)}
	want := Key{"uid", "etcd", "2026-11-24T12:00:00Z"}
	if got := state.Kills()[0].Key; got != want {
		t.Errorf("key in state is %v, want %v", got, want)
	}
	if got := last.Kills()[0].Key; got != want {
		t.Errorf("key in lastState, of another time zone, is %v, want %v", got, want)
	}
	end.FinishedAt = noon.Add(time.Second)
	if got := (Sighting{PodUID: "uid", Container: "etcd", Last: size.Of(end)}).Kills()[0].Key; got == want {
		t.Errorf("a kill a second later has the same key %v", got)
	}
	if got := last.Kills()[0].Incarnation; got != 0 {
		t.Errorf("incarnation %d, want 0: without IDs a container that is not terminated runs", got)
	}
}

func TestMissed(t *testing.T) {
	c := Container{"uid", "etcd"}
	for name, tc := range map[string]struct {
		noted       []int32
		incarnation int32
		want        int32
	}{
		"nothing known is nothing missed":             {nil, 40, 0},
		"the next one is nothing missed":              {[]int32{3}, 4, 0},
		"those between are missed":                    {[]int32{3}, 7, 3},
		"the newest known counts, noted in any order": {[]int32{3, 6, 1}, 7, 0},
		"a late kill, older than the known one":       {[]int32{6}, 2, 0},
		"the same one again":                          {[]int32{6}, 6, 0},
		"restarts that do not fit are bounded":        {[]int32{math.MinInt32}, math.MaxInt32, math.MaxInt32},
	} {
		t.Run(name, func(t *testing.T) {
			in := Incarnations{}
			for _, n := range tc.noted {
				in.Note(c, n)
			}
			if got := in.Missed(c, tc.incarnation); got != tc.want {
				t.Errorf("Missed() = %d, want %d", got, tc.want)
			}
		})
	}
}

func TestAKillReadsAsPodContainerAndTime(t *testing.T) {
	if got, want := terminated(0).Kills()[0].String(), "kube-apiserver-0/kube-apiserver at 12:00:00Z"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
