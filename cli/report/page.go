package report

import (
	_ "embed" // for the page
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/metapilot/metapilot/cli/show"
)

//go:embed page.html
var pageText string

// pageRows is how many rows a page holds: more than a person scrolls through, less than makes a browser slow.
const pageRows = 2000

// Sizes of a chart, in pixels.
const (
	barHeight  = 24
	barWidth   = 360
	chartWords = 12 // the most bars of one chart
)

// bar is one line of a chart.
type bar struct {
	Label, Value, Class string
	Y, TextY            int
	Width               float64
}

// chart is horizontal bars on one scale.
type chart struct {
	Title  string
	Bars   []bar
	Height int
}

// amountBar is a bar before it is drawn. A negative amount is drawn in the colour of growth.
type amountBar struct {
	label  string
	amount float64
}

func draw(title string, bars []amountBar, say func(float64) string) chart {
	bars = bars[:min(len(bars), chartWords)]
	largest := 0.0
	for _, b := range bars {
		largest = max(largest, math.Abs(b.amount))
	}
	c := chart{Title: title, Height: len(bars) * barHeight}
	for i, b := range bars {
		width := 0.0
		if largest > 0 {
			width = math.Round(math.Abs(b.amount) / largest * barWidth)
		}
		class := "bar"
		if b.amount < 0 {
			class = "bar more"
		}
		c.Bars = append(c.Bars, bar{Label: b.label, Value: say(b.amount), Class: class, Y: i*barHeight + 3, TextY: i*barHeight + 16, Width: width})
	}
	return c
}

func (r Report) charts() []chart {
	t := r.Total
	gib := func(v float64) string { return number(v) + " GiB" }
	cores := func(v float64) string { return number(v) + " cores" }
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	var memory, cpu []amountBar
	for _, s := range r.Components {
		memory, cpu = append(memory, amountBar{s.Name, s.SavedGiB}), append(cpu, amountBar{s.Name, s.SavedCores})
	}
	return []chart{
		draw("Memory requested", []amountBar{{"now", t.NowGiB}, {"would be", t.NowGiB - t.SavedGiB}}, gib),
		draw("CPU requested", []amountBar{{"now", t.NowCores}, {"would be", t.NowCores - t.SavedCores}}, cores),
		draw("Memory saved, by component", memory, gib),
		draw("CPU saved, by component", cpu, cores),
		draw("Components, by where they would go", bars(r.Directions), whole),
		draw("Components, by reason", bars(r.Reasons), whole),
		draw("Held, by gate", bars(r.Gates), whole),
		draw("Components, by risk", bars(r.Risks), whole),
	}
}

func bars(counts []Count) []amountBar {
	out := make([]amountBar, 0, len(counts))
	for _, c := range counts {
		out = append(out, amountBar{c.Name, float64(c.Count)})
	}
	return out
}

// page is what the template is given.
type page struct {
	Report  Report
	Time    string
	Summary []string
	Charts  []chart
	Lists   []list
	// Totals is for programs, and for the test that compares it with the JSON.
	Totals Sum
}

// list is a table with a title.
type list struct {
	Title, Note string
	Table       show.Table
}

// HTML writes the report as one page that needs nothing else: no script, no font, no picture from elsewhere.
func (r Report) HTML(w io.Writer) error {
	parsed, err := template.New("page").Funcs(template.FuncMap{"said": said, "tone": tone}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	p := page{Report: r, Time: show.Stamp(r.Time), Summary: r.Summary(), Charts: r.charts(), Totals: r.Total}
	for _, t := range r.tops() {
		p.Lists = append(p.Lists, list{Title: t.Title, Table: Table(t.Rows, true, r.Prices)})
	}
	all := list{Title: "All that would change, is held or is not known", Table: Table(r.Rows, false, r.Prices)}
	if more := len(all.Table.Rows) - pageRows; more > 0 {
		all.Table.Rows = all.Table.Rows[:pageRows]
		all.Note = fmt.Sprintf("%d more are left out here; -o csv has them.", more)
	}
	p.Lists = append(p.Lists, all)
	return parsed.Execute(w, p)
}

func said(c show.Cell) string {
	if c.Text == "" {
		return show.Unknown
	}
	return show.OneLine(c.Text)
}

func tone(t show.Tone) string {
	return [...]string{show.Plain: "", show.Good: "good", show.Notable: "notable", show.Bad: "bad", show.Faint: "faint"}[t]
}
