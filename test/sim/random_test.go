package sim

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/size"
)

// random makes a world: one to three tenants with pods of the same names, of which b is always quiet.
func random(seed uint64) (w *World, run time.Duration) {
	r := rand.New(rand.NewPCG(seed, 7))
	run = time.Duration(10+r.IntN(30)) * time.Minute
	w = &World{Step: stepOf(seed), Quiet: true, ReportEvery: time.Duration(r.IntN(3)*r.IntN(40)) * time.Second, ResizeTakes: time.Duration(r.IntN(20)) * time.Second,
		Tenants: []*Tenant{randomTenant(r, "a", run), tenant("b", steady(300*mib))}}
	if r.IntN(3) == 0 {
		w.Tenants = append(w.Tenants, randomTenant(r, "c", run))
	}
	if r.IntN(3) == 0 {
		from := time.Duration(r.Int64N(int64(run)))
		until := from + time.Duration(r.Int64N(int64(30*time.Minute)))
		w.ManagerDown = func(since time.Duration) bool { return since >= from && since < until }
	}
	if r.IntN(3) == 0 {
		a, b := time.Duration(r.Int64N(int64(run))).Truncate(w.Step), time.Duration(r.Int64N(int64(run))).Truncate(w.Step)
		w.NodeKills = func(tenant string, replica int, since time.Duration) bool {
			return tenant == "a" && (replica == 0 && since == a || since == b)
		}
	}
	if r.IntN(3) == 0 {
		w.Interfere = interference(r, run, w.Step)
	}
	return w, run
}

// stepOf is coarse for most, since there are many; fine for one of thirty.
func stepOf(seed uint64) time.Duration {
	if seed%30 == 0 {
		return time.Second
	}
	return 10 * time.Second
}

// interference changes settings, adds pods of an old replica set, or replaces a pod.
func interference(r *rand.Rand, run, step time.Duration) func(*World, time.Duration) {
	at, what := time.Duration(r.Int64N(int64(run))).Truncate(step), r.IntN(5)
	return func(w *World, since time.Duration) {
		if since != at {
			return
		}
		a := w.Tenants[0]
		switch what {
		case 0:
			a.Settings.Off = !a.Settings.Off
		case 1:
			a.DryRun = !a.DryRun
		case 2:
			old := a.birth(w.now)
			old.limit = 512 * mib
			old.reported.Limit = size.Of(old.limit)
			a.containers = append(a.containers, old)
		case 3:
			a.containers[0] = a.birth(w.now)
		case 4:
			a.Settings.Max.Memory = size.Of(16 * gib)
		}
	}
}

func randomTenant(r *rand.Rand, name string, run time.Duration) *Tenant {
	t := tenant(name, randomDemand(r, run))
	t.Replicas, t.DryRun = 1+r.IntN(3), r.IntN(8) == 0
	t.Settings.MaxIncreasesPerDay = 1 + r.IntN(8)
	if r.IntN(2) == 0 {
		t.Settings.Max.Memory = size.Of(size.Bytes(256+r.IntN(4096)) * mib)
	}
	if r.IntN(4) == 0 {
		t.Settings.Min.Memory = size.Of(size.Bytes(256+r.IntN(1024)) * mib)
	}
	if r.IntN(3) == 0 {
		t.Nodes = []plan.Node{{CPU: 4000, Memory: size.Bytes(200+r.IntN(4096)) * mib}}
	}
	if r.IntN(2) == 0 {
		t.Size.Requests = t.Size.Limits
	}
	return t
}

// randomDemand is 300Mi, with up to four jumps of some replicas to as much as 16Gi, a leak in one of four.
func randomDemand(r *rand.Rand, run time.Duration) Demand {
	type episode struct {
		from, until time.Duration
		replicas    int
		needs       size.Bytes
	}
	var episodes []episode
	for range r.IntN(5) {
		from := time.Duration(r.Int64N(int64(run)))
		episodes = append(episodes, episode{from, from + time.Duration(r.Int64N(int64(run))), r.IntN(8), size.Bytes(256<<r.IntN(7)+r.IntN(256)) * mib})
	}
	var leaks size.Bytes
	if r.IntN(4) == 0 {
		leaks = size.Bytes(r.IntN(60)) * mib
	}
	return func(replica int, since, up time.Duration) size.Bytes {
		need := 300*mib + leaks*size.Bytes(up/time.Minute)
		for _, e := range episodes {
			if since >= e.from && since < e.until && e.replicas>>replica&1 == 1 {
				need = max(need, e.needs)
			}
		}
		return need
	}
}

func TestRandomSequencesKeepTheInvariants(t *testing.T) {
	n := uint64(10_000)
	if testing.Short() {
		n = 500
	}
	var next, kills, increases atomic.Uint64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for seed := next.Add(1) - 1; seed < n && !t.Failed(); seed = next.Add(1) - 1 {
				w, run := random(seed)
				err := w.Run(run)
				kills.Add(uint64(w.kills))
				increases.Add(uint64(len(w.Tenants[0].status.increases)))
				if err == nil && (len(w.Tenants[1].status.answered) > 0 || w.Tenants[1].Size != tenant("b", nil).Size) {
					t.Errorf("seed %d: tenant b, whose pods have the same names, was touched", seed)
				}
				if err != nil {
					w, run = random(seed)
					w.Quiet = false
					t.Errorf("seed %d: %v", seed, w.Run(run))
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d sequences, %d kills, %d increases of tenant a", n, kills.Load(), increases.Load())
	if kills.Load() < 5*n || increases.Load() < n/2 {
		t.Errorf("only %d kills and %d increases: the sequences test too little", kills.Load(), increases.Load())
	}
}

func TestASequenceIsTheSameEveryTime(t *testing.T) {
	for seed := range uint64(20) {
		var logs [2][]string
		for i := range logs {
			w, run := random(seed)
			w.Quiet = false
			if err := w.Run(run); err != nil {
				t.Fatal(err)
			}
			logs[i] = w.Log
		}
		if len(logs[0]) != len(logs[1]) {
			t.Fatalf("seed %d: %d lines, then %d", seed, len(logs[0]), len(logs[1]))
		}
		for i := range logs[0] {
			if logs[0][i] != logs[1][i] {
				t.Fatalf("seed %d: %q, then %q", seed, logs[0][i], logs[1][i])
			}
		}
	}
}
