package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/size"
)

var update = flag.Bool("update", false, "write the golden logs anew")

const (
	mib = size.MiB
	gib = size.GiB
)

// defaults are those of the API.
func defaults() plan.Settings {
	return plan.Settings{AnswersOOM: true, RepeatWindow: time.Hour, MaxIncreasesPerDay: 6, HoldForForeignOwner: true,
		OOM: estimators.OOM{BumpPercent: 50, MaxBumpPercent: 400, MinBump: 32 * mib, FloorHalfLife: 7 * 24 * time.Hour}}
}

// tenant is one with a Burstable component of two replicas at 512Mi.
func tenant(name string, demand Demand) *Tenant {
	return &Tenant{Name: name, Settings: defaults(), Demand: demand, Replicas: 2, Size: size.Size{
		Requests: size.Amounts{CPU: size.Of(size.MilliCPU(200)), Memory: size.Of(256 * mib)},
		Limits:   size.Amounts{CPU: size.Of(size.MilliCPU(400)), Memory: size.Of(512 * mib)}}}
}

// world has tenant a with the demand, and b, which is quiet and whose pods have the same names.
func world(demand Demand) *World {
	return &World{Step: time.Second, ReportEvery: time.Second, ResizeTakes: time.Second,
		Tenants: []*Tenant{tenant("a", demand), tenant("b", steady(300*mib))}}
}

func steady(b size.Bytes) Demand {
	return func(int, time.Duration, time.Duration) size.Bytes { return b }
}

// jump needs 300Mi, and from a time on b, in the replicas given (all when none are).
func jump(at time.Duration, b size.Bytes, replicas ...int) Demand {
	return func(replica int, since, _ time.Duration) size.Bytes {
		hit := len(replicas) == 0
		for _, r := range replicas {
			hit = hit || r == replica
		}
		if hit && since >= at {
			return b
		}
		return 300 * mib
	}
}

type scenario struct {
	world *World
	run   time.Duration
	want  wanted
}

type wanted struct {
	memory           size.Bytes
	increases, kills int
	said             []string
}

func scenarios() map[string]scenario {
	const start = 5 * time.Second
	atMaximum := world(jump(start, 2*gib))
	atMaximum.Tenants[0].Settings.Max.Memory = size.Of(gib)
	atMaximum.Interfere = func(w *World, since time.Duration) {
		if since == 20*time.Minute {
			w.Tenants[0].Settings.Max.Memory = size.Of(3 * gib)
		}
	}
	down := world(jump(10*time.Minute, 2*gib, 0))
	down.Tenants[0].Demand = func(r int, since, up time.Duration) size.Bytes {
		return max(jump(start, 600*mib, 0)(r, since, up), jump(10*time.Minute, 2*gib, 0)(r, since, up))
	}
	down.ManagerDown = func(since time.Duration) bool { return since >= 5*time.Minute && since < 65*time.Minute }
	coalesced := world(jump(start, 5*gib, 0))
	coalesced.ReportEvery = 45 * time.Second
	node := world(steady(100 * mib))
	node.NodeKills = func(tenant string, replica int, since time.Duration) bool {
		return tenant == "a" && replica == 0 && (since == time.Minute || since == 3*time.Hour)
	}
	repeatNode := world(steady(100 * mib))
	repeatNode.NodeKills = func(tenant string, replica int, since time.Duration) bool {
		return tenant == "a" && replica == 0 && (since == time.Minute || since == 4*time.Minute)
	}
	dry := world(jump(start, 600*mib, 0))
	dry.Tenants[0].DryRun = true
	fits := world(jump(start, 4*gib))
	fits.Tenants[0].Nodes = []plan.Node{{CPU: 4000, Memory: gib}}
	held := world(jump(start, 600*mib, 0))
	held.Tenants[0].Settings.Off = true
	held.Interfere = func(w *World, since time.Duration) {
		if since == 5*time.Minute {
			w.Tenants[0].Settings.Off = false
		}
	}
	return map[string]scenario{
		"first-oom":                   {world(jump(start, 600*mib, 0)), 10 * time.Minute, wanted{768 * mib, 1, 1, nil}},
		"storm-on-both-replicas":      {world(jump(start, 600*mib)), 10 * time.Minute, wanted{768 * mib, 1, 2, nil}},
		"thirteen-fold-jump":          {world(jump(start, 512*mib*13, 0)), 30 * time.Minute, wanted{23040 * mib, 4, 7, nil}},
		"leak-meets-the-brake":        {world(leak()), 12 * time.Hour, wanted{0, 6, -1, []string{"LeakSuspected"}}},
		"at-the-maximum":              {atMaximum, 40 * time.Minute, wanted{3 * gib, 3, -1, []string{"AtMaximum"}}},
		"manager-down-for-an-hour":    {down, 2 * time.Hour, wanted{3840 * mib, 2, -1, []string{"missed before it"}}},
		"coalesced-reports":           {coalesced, 30 * time.Minute, wanted{0, -1, -1, []string{"missed before it"}}},
		"node-out-of-memory":          {node, 4 * time.Hour, wanted{512 * mib, 0, 2, []string{"NodeOutOfMemory"}}},
		"node-kill-that-repeats":      {repeatNode, 10 * time.Minute, wanted{gib, 1, 2, nil}},
		"node-kill-held-that-repeats": {heldNode(), 10 * time.Minute, wanted{gib, 1, 2, []string{"cannot grow without the limit", "a kill that repeats"}}},
		"old-replica-sets-kill":       {oldReplicaSet(), 10 * time.Minute, wanted{768 * mib, 1, 2, []string{"needs no answer: Replaced"}}},
		"flapping-border":             {world(flapping()), 6 * time.Hour, wanted{768 * mib, 1, 1, nil}},
		"dry-run":                     {dry, 2 * time.Minute, wanted{512 * mib, 0, -1, []string{"(dry run) ScaleUp"}}},
		"no-node-holds-more":          {fits, 10 * time.Minute, wanted{2 * gib, 3, -1, []string{"FitsNoNode"}}},
		"off-then-on":                 {held, 10 * time.Minute, wanted{0, 1, -1, []string{"ModeOff"}}},
	}
}

// leak loses 30 MiB a minute in each container.
func leak() Demand {
	return func(r int, since, _ time.Duration) size.Bytes {
		if r == 1 {
			return 300 * mib
		}
		return 300*mib + 30*mib*size.Bytes(since/time.Minute)
	}
}

// flapping crosses 512Mi up and down every two minutes.
func flapping() Demand {
	return func(r int, since, _ time.Duration) size.Bytes {
		if r == 0 && int(since/(2*time.Minute))%2 == 1 {
			return 530 * mib
		}
		return 500 * mib
	}
}

// heldNode is Guaranteed, so that a node's kill cannot be answered with a larger request.
func heldNode() *World {
	w := world(steady(100 * mib))
	w.Tenants[0].Size.Requests = w.Tenants[0].Size.Limits
	w.NodeKills = func(tenant string, replica int, since time.Duration) bool {
		return tenant == "a" && replica == 0 && (since == time.Minute || since == 4*time.Minute)
	}
	return w
}

// oldReplicaSet has a pod of a replica set from before the resize, that is killed at the size before it.
func oldReplicaSet() *World {
	w := world(jump(5*time.Second, 600*mib, 0, 2))
	w.Interfere = func(w *World, since time.Duration) {
		a := w.Tenants[0]
		switch since {
		case 2 * time.Minute:
			old := a.birth(w.now)
			old.limit, old.reported.Limit = 512*mib, size.Of(512*mib)
			a.containers = append(a.containers, old)
		case 2*time.Minute + 2*time.Second:
			a.containers = a.containers[:2]
		}
	}
	return w
}

func TestScenarios(t *testing.T) {
	for name, tc := range scenarios() {
		t.Run(name, func(t *testing.T) {
			if err := tc.world.Run(tc.run); err != nil {
				t.Fatal(err)
			}
			a, b := tc.world.Tenants[0], tc.world.Tenants[1]
			if got := a.Size.Limits.Memory.Or(0); tc.want.memory != 0 && got != tc.want.memory {
				t.Errorf("memory %s, want %s", got, tc.want.memory)
			}
			if got := len(a.status.increases); tc.want.increases >= 0 && got != tc.want.increases {
				t.Errorf("%d increases, want %d", got, tc.want.increases)
			}
			if got := tc.world.kills; tc.want.kills >= 0 && got != tc.want.kills {
				t.Errorf("%d kills, want %d", got, tc.want.kills)
			}
			log := strings.Join(tc.world.Log, "\n") + "\n"
			for _, said := range tc.want.said {
				if !strings.Contains(log, said) {
					t.Errorf("the log does not say %q", said)
				}
			}
			if len(b.status.answered) != 0 || b.Size != tenant("b", nil).Size {
				t.Errorf("tenant b, whose pods have the same names, was touched: %+v", b.status)
			}
			golden(t, name, log)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the log changed (-want +got); with -update it is written anew:\n%s", diff)
	}
}
