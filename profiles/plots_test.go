package profiles_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/vpa"
	"github.com/metapilot/metapilot/size"
)

var update = flag.Bool("update", false, "write the plots of docs/images anew")

// curve is the target of an algorithm over time: a point where it changes.
type curve struct {
	name, colour string
	make         func() profiles.Algorithm
	points       []point
}

type point struct{ hours, cpu, memory float64 }

func curves() []curve {
	return []curve{
		{name: "VPA", colour: "#d62728", make: func() profiles.Algorithm { return vpa.New(1) }},
		{name: "Percentile", colour: "#9467bd", make: func() profiles.Algorithm { return profiles.DefaultPercentile() }},
		{name: "Peak", colour: "#1f77b4", make: func() profiles.Algorithm { return profiles.DefaultPeak() }},
		{name: "MovingWindow", colour: "#ff7f0e", make: func() profiles.Algorithm { return profiles.DefaultMovingWindow() }},
		{name: "Seasonal", colour: "#2ca02c", make: func() profiles.Algorithm { return profiles.DefaultSeasonal() }},
		{name: "Auto", colour: "#000000", make: func() profiles.Algorithm { return profiles.Auto{Kind: profiles.KindScheduler} }},
	}
}

// follow takes the target of every two hours of a trace.
func (c *curve) follow(rows []row) {
	a := c.make()
	state := profiles.New(a)
	peer, _ := a.(*vpa.State)
	next := 2.0
	for _, x := range rows {
		if x.memory == 0 {
			continue
		}
		at := begin.Add(x.at)
		sample := profiles.Sample{At: at, Replica: "a", CPU: size.Of(x.cpu), Memory: size.Of(x.memory)}
		state.Add(at, sample)
		if peer != nil {
			peer.Add(at, sample)
		}
		if x.at.Hours() < next {
			continue
		}
		next = x.at.Hours() + 2
		target := state.Recommend(at, a, profiles.Bounds{}).Target
		p := point{hours: x.at.Hours(), cpu: float64(target.CPU.Or(0)), memory: float64(target.Memory.Or(0)) / mib}
		if n := len(c.points); n == 0 || c.points[n-1].cpu != p.cpu || c.points[n-1].memory != p.memory {
			c.points = append(c.points, p)
		}
	}
}

// chart places hours and amounts in a picture.
type chart struct {
	left, top, width, height float64
	hours, most              float64
}

func (c chart) x(hours float64) float64 { return c.left + c.width*hours/c.hours }

func (c chart) y(v float64) float64 { return c.top + c.height*(1-min(v/c.most, 1)) }

// draw writes the frame, the usage as an area, and the targets as steps.
func (c chart) draw(b *strings.Builder, title string, rows []row, lines []curve, usage func(row) float64, target func(point) float64) {
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text>`+"\n", c.left, c.top-6, title)
	for i := range 5 {
		v := c.most * float64(i) / 4
		fmt.Fprintf(b, `<path d="M%.0f %.1fh%.0f" stroke="#ddd"/><text x="%.0f" y="%.1f" text-anchor="end">%.0f</text>`+"\n", c.left, c.y(v), c.width, c.left-5, c.y(v)+4, v)
	}
	for day := 0.0; day*24 <= c.hours; day += max(1, float64(int(c.hours/24/10))) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.0f" text-anchor="middle">%.0f</text>`+"\n", c.x(day*24), c.top+c.height+14, day)
	}
	fmt.Fprintf(b, `<path fill="#ccc" d="M%.1f %.1f`, c.x(0), c.y(0))
	step, peak := time.Hour, 0.0
	end := step
	for _, r := range rows { // the highest of every hour
		if r.at >= end {
			fmt.Fprintf(b, "V%.0fH%.1f", c.y(peak), c.x(end.Hours()))
			end, peak = r.at.Truncate(step)+step, 0
		}
		peak = max(peak, usage(r))
	}
	fmt.Fprintf(b, `V%.0fz"/>`+"\n", c.y(0))
	for _, l := range lines {
		for i, p := range l.points {
			if i == 0 {
				fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="%s" d="M%.1f %.1f`, l.colour, map[bool]string{true: "2", false: "1"}[l.name == "Auto"], c.x(p.hours), c.y(target(p)))
				continue
			}
			fmt.Fprintf(b, "H%.1fV%.1f", c.x(p.hours), c.y(target(p)))
		}
		fmt.Fprintf(b, `H%.1f"/>`+"\n", c.left+c.width)
	}
}

// most is the top of a chart: well above usage, and not at every target, since VPA's may be far up.
func most(rows []row, usage func(row) float64) float64 {
	highest := 0.0
	for _, r := range rows {
		highest = max(highest, usage(r))
	}
	scale := 1.0
	for scale*10 < highest {
		scale *= 10
	}
	for _, n := range []float64{1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 12, 16} {
		if n*scale >= 1.25*highest {
			return n * scale
		}
	}
	return 20 * scale
}

func plot(name string, rows []row) string {
	lines := curves()
	for i := range lines {
		lines[i].follow(rows)
	}
	hours := rows[len(rows)-1].at.Hours()
	cpu := func(r row) float64 { return r.cpu }
	memory := func(r row) float64 { return r.memory / mib }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 520" font-family="sans-serif" font-size="11">`+"\n")
	fmt.Fprintf(&b, `<rect width="900" height="520" fill="#fff"/><text x="55" y="16" font-size="13">%s: usage (grey) and targets</text>`+"\n", name)
	for i, l := range lines {
		x := 330 + 95*i
		fmt.Fprintf(&b, `<path d="M%d 12h18" stroke="%s" stroke-width="3"/><text x="%d" y="16">%s</text>`+"\n", x, l.colour, x+22, l.name)
	}
	chart{left: 55, top: 46, width: 835, height: 195, hours: hours, most: most(rows, memory)}.
		draw(&b, "memory, MiB, by days", rows, lines, memory, func(p point) float64 { return p.memory })
	chart{left: 55, top: 295, width: 835, height: 195, hours: hours, most: most(rows, cpu)}.
		draw(&b, "CPU, millicores, by days", rows, lines, cpu, func(p point) float64 { return p.cpu })
	b.WriteString("</svg>\n")
	return b.String()
}

// TestPlotsAreOfTheseAlgorithms keeps the plots of docs/profiles.md those of the algorithms as they are.
func TestPlotsAreOfTheseAlgorithms(t *testing.T) {
	for _, name := range []string{"borg-113812204462-61", "bitbrains-220", "bitbrains-452"} {
		file := filepath.Join("..", "docs", "images", "profile-"+name+".svg")
		got := plot(name, readTrace(t, name))
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (go test ./profiles -run TestPlots -update writes it)", err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is not up to date: go test ./profiles -run TestPlots -update", file)
		}
	}
}
