package oom

import (
	"fmt"
	"math"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// reasonOOMKilled is the reason that the kubelet gives a container ended by the kernel's OOM killer.
const reasonOOMKilled = "OOMKilled"

// exitCodeSIGKILL is 128 + SIGKILL, the only exit code with which a container that was OOM-killed itself can end. With
// another code only a child process was killed, or an earlier kill is still counted in the cgroup
// (kubernetes/kubernetes#140716).
const exitCodeSIGKILL = 137

// Termination is how a container ended.
type Termination struct {
	ContainerID string
	Reason      string
	ExitCode    int32
	FinishedAt  time.Time // to the second, by the node's clock
}

// Sighting is what one reading of a pod's status says of one container.
type Sighting struct {
	PodUID       string
	Pod          string
	Container    string
	RestartCount int32
	// ContainerID is that of the container's status: of the container that runs, or that ran last. Empty where it is
	// not known; then a container that is not terminated is taken for running.
	ContainerID string
	// State and Last are the terminations in the container's state and lastState.
	State, Last size.Opt[Termination]
	// Limit and Request are the memory the container runs with: as actuated where the kubelet says so, else as specified.
	Limit, Request size.Opt[size.Bytes]
}

// Key identifies a kill. Where the kubelet gives no container ID, the time of the end stands for it.
type Key struct {
	PodUID    string
	Container string
	ID        string
}

// Kill is one OOM kill of one container.
type Kill struct {
	Key
	Pod          string
	ContainerID  string
	ExitCode     int32
	FinishedAt   time.Time
	RestartCount int32
	// Incarnation counts the container's starts, from 0: the kill ended this one.
	Incarnation int32
	// Missed is how many ends of the container before this kill were never seen.
	Missed         int32
	Limit, Request size.Opt[size.Bytes]
	Class          decision.KillClass
}

// Kills gives the kills that the sighting shows, the older first. Neither deduplicated nor judged.
func (s Sighting) Kills() []Kill {
	var kills []Kill
	last, ended := s.Last.Get()
	if ended && last.Reason == reasonOOMKilled {
		kills = append(kills, s.kill(last, s.lastIncarnation(last)))
	}
	if t, ok := s.State.Get(); ok && t.Reason == reasonOOMKilled && !(ended && t == last) {
		kills = append(kills, s.kill(t, s.RestartCount))
	}
	return kills
}

// lastIncarnation gives which incarnation ended with the termination in lastState. The kubelet counts a restart when it
// creates the new container. So a container that runs, or has ended again, had its last end one restart ago; but while
// it waits to be started again (CrashLoopBackOff) the kubelet shows the end of the newest container as the last one
// (convertToAPIContainerStatuses in pkg/kubelet/kubelet_pods.go), and no restart has been counted since.
func (s Sighting) lastIncarnation(last Termination) int32 {
	if s.waitsAfter(last) {
		return s.RestartCount
	}
	return s.RestartCount - 1
}

func (s Sighting) waitsAfter(last Termination) bool {
	return !s.State.Present() && s.ContainerID != "" && s.ContainerID == last.ContainerID
}

func (s Sighting) kill(t Termination, incarnation int32) Kill {
	return Kill{
		Key:          KeyOf(s.PodUID, s.Container, t.ContainerID, t.FinishedAt),
		Pod:          s.Pod,
		ContainerID:  t.ContainerID,
		ExitCode:     t.ExitCode,
		FinishedAt:   t.FinishedAt,
		RestartCount: s.RestartCount,
		Incarnation:  max(incarnation, 0),
		Limit:        s.Limit,
		Request:      s.Request,
	}
}

// KeyOf makes the key of a kill from what identifies it.
func KeyOf(podUID, container, containerID string, finishedAt time.Time) Key {
	id := containerID
	if id == "" {
		id = finishedAt.UTC().Format(time.RFC3339)
	}
	return Key{PodUID: podUID, Container: container, ID: id}
}

// String gives "pod/container at 15:04:05Z".
func (k Kill) String() string {
	return fmt.Sprintf("%s/%s at %s", k.Pod, k.Container, k.FinishedAt.UTC().Format("15:04:05Z"))
}

// Incarnations remembers, for containers of pods, the newest incarnation whose end is accounted for: it was seen, or
// lies before one that was seen. What is not in it is not known. Ends that are older than [MaxAge] should not be noted:
// the restarts since may have had any cause.
type Incarnations map[Container]int32

// Container names a container of one pod.
type Container struct {
	PodUID string
	Name   string
}

// Note remembers that the incarnation, and so every one before it, is accounted for. For a kill that is Kill.Incarnation,
// not Kill.RestartCount.
func (in Incarnations) Note(c Container, incarnation int32) {
	if known, ok := in[c]; !ok || incarnation > known {
		in[c] = incarnation
	}
}

// See notes what a sighting accounts for, after its kills were: a container that runs has not ended yet, so its present
// incarnation is still to come to its end; of one that has ended the present incarnation is accounted for.
func (in Incarnations) See(s Sighting) {
	seen := s.RestartCount - 1
	if last, ok := s.Last.Get(); s.State.Present() || ok && s.waitsAfter(last) {
		seen = s.RestartCount
	}
	in.Note(Container{PodUID: s.PodUID, Name: s.Container}, seen)
}

// Missed gives how many incarnations ended unseen before the kill of this one: those after the newest that is accounted
// for. 0 where nothing is known of the container, since its restarts may have had any cause.
func (in Incarnations) Missed(c Container, incarnation int32) int32 {
	known, ok := in[c]
	if !ok {
		return 0
	}
	missed := int64(incarnation) - int64(known) - 1
	return int32(min(max(missed, 0), math.MaxInt32))
}
