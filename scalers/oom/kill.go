package oom

import (
	"fmt"
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
	// Missed is how many restarts before this kill were never seen.
	Missed         int32
	Limit, Request size.Opt[size.Bytes]
	Class          decision.KillClass
}

// Kills gives the kills that the sighting shows, the older first. Neither deduplicated nor judged.
func (s Sighting) Kills() []Kill {
	var kills []Kill
	if t, ok := s.Last.Get(); ok && t.Reason == reasonOOMKilled {
		kills = append(kills, s.kill(t, s.RestartCount-1))
	}
	if t, ok := s.State.Get(); ok && t.Reason == reasonOOMKilled {
		kills = append(kills, s.kill(t, s.RestartCount))
	}
	return kills
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

// Incarnations remembers, for containers of pods, the newest incarnation known: one that was seen running, or whose
// kill was answered. What is not in it is not known.
type Incarnations map[Container]int32

// Container names a container of one pod.
type Container struct {
	PodUID string
	Name   string
}

// Note remembers that the incarnation was seen.
func (in Incarnations) Note(c Container, incarnation int32) {
	if known, ok := in[c]; !ok || incarnation > known {
		in[c] = incarnation
	}
}

// Missed gives how many incarnations came and went unseen before the kill of this one: those after the newest known
// one. 0 where nothing is known of the container, since its restarts may have had any cause.
func (in Incarnations) Missed(c Container, incarnation int32) int32 {
	known, ok := in[c]
	if !ok {
		return 0
	}
	return max(incarnation-known-1, 0)
}
