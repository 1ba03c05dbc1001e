package oom

import (
	"testing"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

func FuzzKills(f *testing.F) {
	f.Add("uid", "a", "b", "b", int32(3), int32(137), int64(1764000000), int64(1764000060), int64(1<<29), int64(1<<20), uint8(7))
	f.Add("", "", "", "", int32(0), int32(143), int64(0), int64(0), int64(0), int64(0), uint8(3))
	f.Add("uid", "a", "a", "a", int32(-2147483648), int32(137), int64(-1<<40), int64(1<<40), int64(-1), int64(-1<<63), uint8(255))
	f.Add("uid", "", "x", "", int32(2147483647), int32(0), int64(1764000000), int64(1764000000), int64(1<<63-1), int64(1<<63-1), uint8(12))
	f.Fuzz(func(t *testing.T, uid, last, state, own string, restarts, exitCode int32, lastAt, stateAt, limit, usage int64, has uint8) {
		s := Sighting{PodUID: uid, Container: "c", RestartCount: restarts, ContainerID: own}
		ends := map[string]bool{}
		add := func(to *size.Opt[Termination], id string, at int64) {
			*to = size.Of(Termination{ContainerID: id, Reason: reasonOOMKilled, ExitCode: exitCode, FinishedAt: time.Unix(at, 0)})
			ends[KeyOf(uid, "c", id, time.Unix(at, 0)).ID] = true
		}
		if has&1 != 0 {
			add(&s.Last, last, lastAt)
		}
		if has&2 != 0 {
			add(&s.State, state, stateAt)
		}
		if has&4 != 0 {
			s.Limit = size.Of(size.Bytes(limit))
		}
		kills := s.Kills()
		if (len(kills) == 0) != (has&3 == 0) {
			t.Fatalf("%d kills of %+v", len(kills), s)
		}
		in := Incarnations{}
		for _, k := range kills {
			if !ends[k.Key.ID] || k.PodUID != uid || k.Incarnation < 0 || k.Limit != s.Limit {
				t.Errorf("%+v is not what was seen: %+v", k, s)
			}
			c := Circumstances{Now: time.Unix(stateAt, 0), NodeKillBelowPercent: int64(has), Usage: size.Of(Usage{size.Bytes(usage), time.Unix(lastAt, 0)})}
			class := Judge(k, c)
			if (class == decision.KillNotOOM) != (exitCode != 137) {
				t.Errorf("exit code %d is judged %s", exitCode, class)
			}
			if missed := in.Missed(Container{uid, "c"}, k.Incarnation); missed < 0 {
				t.Errorf("%d kills missed", missed)
			}
			in.Note(Container{uid, "c"}, k.Incarnation)
		}
		in.See(s)
		for _, k := range kills {
			if missed := in.Missed(Container{uid, "c"}, k.Incarnation); missed != 0 {
				t.Errorf("%d kills missed before one that was seen", missed)
			}
		}
	})
}
