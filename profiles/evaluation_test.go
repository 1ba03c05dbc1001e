package profiles_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/vpa"
	"github.com/metapilot/metapilot/size"
)

// row is one reading of a trace.
type row struct {
	at          time.Duration
	cpu, memory float64
}

func readTrace(t testing.TB, name string) []row {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "traces", name+".csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(unzipped).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var out []row
	for _, r := range records[1:] {
		out = append(out, row{at: time.Duration(number(r[0])) * time.Second, cpu: number(r[1]), memory: number(r[2]) * 1024})
	}
	return out
}

// outcome is how a container would have fared that is always as large as an algorithm says.
type outcome struct {
	kills, changes int
	// slack is the share of memory, and of CPU, that was given and not used. short is the share of readings of CPU that
	// were above what was given.
	memorySlack, cpuSlack, short float64
}

// warmUp is for how long samples come in before anything is given.
const warmUp = 3 * 24 * time.Hour

// replay gives a container the target of an algorithm, looked at every hour, whenever what it has is not between lower and
// upper; and at once after a kill. It is open loop: usage is what was recorded, whatever is given. A reading above the limit
// is one kill, and no other for ten minutes.
func replay(a profiles.Algorithm, rows []row) outcome {
	state := profiles.New(a)
	peer, _ := a.(*vpa.State)
	var given size.Amounts
	var out outcome
	var looked, killed time.Duration
	n := 0
	look := func(at time.Duration) {
		r := state.Recommend(begin.Add(at), a, profiles.Bounds{})
		changed := false
		if have := given.Memory.Or(0); have < r.Lower.Memory.Or(0) || have > r.Upper.Memory.Or(0) {
			given.Memory, changed = r.Target.Memory, true
		}
		if have := given.CPU.Or(0); have < r.Lower.CPU.Or(0) || have > r.Upper.CPU.Or(0) {
			given.CPU, changed = r.Target.CPU, true
		}
		if changed {
			out.changes++
		}
		looked = at
	}
	for _, x := range rows {
		if x.memory == 0 {
			continue // the hypervisor lost it
		}
		at := begin.Add(x.at)
		if x.at >= warmUp {
			if x.at-looked >= time.Hour {
				look(x.at)
			}
			limit := given.Memory.Or(0)
			if x.memory > float64(limit) && (killed == 0 || x.at-killed >= 10*time.Minute) {
				out.kills++
				killed = x.at
				state.OOM(at, at, limit)
				if peer != nil {
					peer.OOM(at, "vm", limit)
				}
				look(x.at)
			}
			out.memorySlack += max(0, 1-x.memory/float64(limit))
			out.cpuSlack += max(0, 1-x.cpu/float64(given.CPU.Or(0)))
			if x.cpu > float64(given.CPU.Or(0)) {
				out.short++
			}
			n++
		}
		sample := profiles.Sample{At: at, Replica: "vm", CPU: size.Of(x.cpu), Memory: size.Of(x.memory)}
		state.Add(at, sample)
		if peer != nil {
			peer.Add(at, sample)
		}
	}
	out.memorySlack /= float64(n)
	out.cpuSlack /= float64(n)
	out.short /= float64(n)
	return out
}

var traces = []string{
	"borg-113812204462-61", "borg-113812204462-4", "bitbrains-220", "bitbrains-276", "bitbrains-452", "bitbrains-462", "bitbrains-488",
}

// TestAutoIsSaneOnRealLoads prints how every algorithm fares on every trace, and holds Auto to what it is for: no more kills
// than with VPA's algorithm, from less memory, and less often short of CPU.
func TestAutoIsSaneOnRealLoads(t *testing.T) {
	candidates := []struct {
		name string
		make func() profiles.Algorithm
	}{
		{"VPA", func() profiles.Algorithm { return vpa.New(1) }},
		{"Percentile", func() profiles.Algorithm { return profiles.DefaultPercentile() }},
		{"Peak", func() profiles.Algorithm { return profiles.DefaultPeak() }},
		{"MovingWindow", func() profiles.Algorithm { return profiles.DefaultMovingWindow() }},
		{"Seasonal", func() profiles.Algorithm { return profiles.DefaultSeasonal() }},
		{"Auto, Other", func() profiles.Algorithm { return profiles.Auto{Kind: profiles.KindOther} }},
		{"Auto, Scheduler", func() profiles.Algorithm { return profiles.Auto{Kind: profiles.KindScheduler} }},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-21s %-16s %5s %8s %13s %10s %10s\n", "trace", "algorithm", "kills", "changes", "memory unused", "CPU unused", "CPU short")
	line := func(trace, algorithm string, o outcome) {
		fmt.Fprintf(&table, "%-21s %-16s %5d %8d %11.0f %% %8.0f %% %8.1f %%\n", trace, algorithm, o.kills, o.changes, 100*o.memorySlack, 100*o.cpuSlack, 100*o.short)
	}
	all := map[string]outcome{}
	for _, name := range traces {
		rows := readTrace(t, name)
		for _, c := range candidates {
			got := replay(c.make(), rows)
			line(name, c.name, got)
			sum, n := all[c.name], float64(len(traces))
			all[c.name] = outcome{
				kills: sum.kills + got.kills, changes: sum.changes + got.changes, memorySlack: sum.memorySlack + got.memorySlack/n,
				cpuSlack: sum.cpuSlack + got.cpuSlack/n, short: sum.short + got.short/n,
			}
		}
	}
	for _, c := range candidates {
		line("all, on average", c.name, all[c.name])
	}
	t.Log("\n" + table.String())
	theirs := all["VPA"]
	for _, c := range candidates {
		if ours := all[c.name]; strings.HasPrefix(c.name, "Auto") && (ours.kills > theirs.kills || ours.memorySlack >= theirs.memorySlack || ours.short >= theirs.short) {
			t.Errorf("%s: %+v, VPA: %+v", c.name, ours, theirs)
		}
	}
}
