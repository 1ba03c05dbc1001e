package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/metapilot/metapilot/cli/show"
)

// Quiet tells whether nothing is to be said of a row but that it stays.
func (r *Row) Quiet() bool { return r.Direction == Stays && r.Risk == RiskNone && r.Gate == "" }

// Table shows rows: all of them, or those of which there is something to say.
func Table(rows []Row, all bool, prices Prices) show.Table {
	t := show.Table{Columns: []show.Column{
		{Name: "TENANT"}, {Name: "COMPONENT"}, {Name: "MODE", Wide: true}, {Name: "VERDICT"}, {Name: "REASON"}, {Name: "GATE"},
		{Name: "NOW TO WOULD BE"}, {Name: "NEXT STEP", Wide: true}, {Name: "CORES SAVED", Right: true}, {Name: "GIB SAVED", Right: true},
		{Name: "MONTHLY SAVED", Right: true, Wide: !prices.given()}, {Name: "RISK"}, {Name: "CONFIDENCE", Right: true, Wide: true},
		{Name: "RISK REASON", Wide: true}, {Name: "MESSAGE", Wide: true},
	}}
	for i := range rows {
		if r := &rows[i]; all || !r.Quiet() {
			t.Rows = append(t.Rows, r.cells())
		}
	}
	return t
}

func (r *Row) cells() []show.Cell {
	change, next := show.Change(r.Now.Size, r.WouldBe.Size), show.Change(r.Now.Size, r.Next.Size)
	confidence := show.Text("")
	if r.ConfidencePercent != nil {
		confidence = show.Cell{Text: show.Percent(int64(*r.ConfidencePercent)), Data: strconv.Itoa(int(*r.ConfidencePercent))}
	}
	return []show.Cell{
		show.Text(r.Tenant), show.Text(r.Component), show.Text(string(r.Mode)), show.Text(string(r.Verdict)), show.Text(string(r.Reason)),
		{Text: string(r.Gate), Tone: show.Notable}, show.Text(change), show.Text(next), amount(r.SavedCores), amount(r.SavedGiB),
		amount(r.SavedPerMonth), {Text: string(r.Risk), Tone: r.Risk.tone()}, confidence, show.Text(r.RiskReason), show.Text(r.Message),
	}
}

func (r Risk) tone() show.Tone {
	switch r {
	case RiskHigh:
		return show.Bad
	case RiskMedium, RiskUnknown:
		return show.Notable
	case RiskNone:
		return show.Faint
	default:
		return show.Plain
	}
}

// amount says a number that may not be known.
func amount(v *float64) show.Cell {
	if v == nil {
		return show.Text("")
	}
	return show.Cell{Text: number(*v), Data: strconv.FormatFloat(*v, 'f', -1, 64)}
}

func number(v float64) string {
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// Summary says the totals in a few lines.
func (r Report) Summary() []string {
	t := r.Total
	lines := []string{
		fmt.Sprintf("%s, %s: %s", show.Count(r.Tenants, "tenant", "tenants"), show.Count(t.Components, "component", "components"), listed(r.Directions)),
		fmt.Sprintf("requested now: %s cores, %s GiB", number(t.NowCores), number(t.NowGiB)),
		fmt.Sprintf("would be saved: %s cores, %s GiB; per month %s core hours, %s GiB hours", number(t.SavedCores), number(t.SavedGiB),
			number(t.SavedCoreHoursPerMonth), number(t.SavedGiBHoursPerMonth)),
	}
	if t.SavedPerMonth != nil {
		lines = append(lines, fmt.Sprintf("money saved per month, at your prices: %s", number(*t.SavedPerMonth)))
	}
	if t.UnknownCPU > 0 || t.UnknownMemory > 0 {
		lines = append(lines, fmt.Sprintf("not known, and not in the sums: cpu of %s, memory of %s", show.Count(t.UnknownCPU, "component", "components"),
			show.Count(t.UnknownMemory, "component", "components")))
	}
	if len(r.Gates) > 0 {
		lines = append(lines, "held: "+listed(r.Gates))
	}
	return append(lines, "risk: "+listed(r.Risks))
}

func listed(counts []Count) string {
	parts := make([]string, 0, len(counts))
	for _, c := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", c.Name, c.Count))
	}
	return strings.Join(parts, ", ")
}

// top is one of the lists of the largest.
type top struct {
	Title string
	Rows  []Row
}

func (r Report) tops() []top {
	all := []top{{"Most memory saved", r.TopMemory}, {"Most CPU saved", r.TopCPU}, {"Most growth", r.TopGrowth}, {"Look at these first", r.TopRisk}}
	var out []top
	for _, t := range all {
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// Text writes the report for a terminal.
func (r Report) Text(w io.Writer, wide, colour bool) error {
	format := show.FormatTable
	if wide {
		format = show.FormatWide
	}
	table := Table(r.Rows, wide, r.Prices)
	if err := table.Write(w, format, colour); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if quiet := len(r.Rows) - len(table.Rows); quiet > 0 {
		fmt.Fprintf(w, "%s as now, not shown (-o wide shows all)\n", show.Count(quiet, "component stays", "components stay"))
	}
	_, err := fmt.Fprintln(w, strings.Join(r.Summary(), "\n"))
	return err
}

// Markdown writes the report for an issue or a page.
func (r Report) Markdown(w io.Writer) error {
	fmt.Fprintf(w, "# Metapilot report, %s\n\n", show.Stamp(r.Time))
	for _, line := range r.Summary() {
		fmt.Fprintf(w, "* %s\n", show.MarkdownText(line))
	}
	for _, t := range r.tops() {
		fmt.Fprintf(w, "\n## %s\n\n", t.Title)
		if err := Table(t.Rows, true, r.Prices).Write(w, show.FormatMarkdown, false); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n## All that would change, is held or is not known\n\n")
	return Table(r.Rows, false, r.Prices).Write(w, show.FormatMarkdown, false)
}
