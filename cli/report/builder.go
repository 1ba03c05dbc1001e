package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/metapilot/metapilot/size"
)

const (
	// HoursPerMonth is a twelfth of a year.
	HoursPerMonth = 730
	// topLength is how long the lists of the largest are.
	topLength = 10
)

// Prices are for an hour; nil where none was given: then nothing is said of money.
type Prices struct {
	CPUHour *float64 `json:"cpuHour,omitempty"`
	GiBHour *float64 `json:"gibHour,omitempty"`
}

func (p Prices) given() bool { return p.CPUHour != nil || p.GiBHour != nil }

// Count is how often something was seen.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Sum is what components come to together. What is not known of a component is not in it, but counted.
type Sum struct {
	Name       string  `json:"name,omitempty"`
	Components int     `json:"components"`
	NowCores   float64 `json:"nowCores"`
	NowGiB     float64 `json:"nowGiB"`
	SavedCores float64 `json:"savedCores"`
	SavedGiB   float64 `json:"savedGiB"`
	// UnknownCPU and UnknownMemory are how many components' saving is not known.
	UnknownCPU    int `json:"unknownCPU"`
	UnknownMemory int `json:"unknownMemory"`
	// SavedCoreHoursPerMonth and SavedGiBHoursPerMonth are savings over a month of 730 hours.
	SavedCoreHoursPerMonth float64 `json:"savedCoreHoursPerMonth"`
	SavedGiBHoursPerMonth  float64 `json:"savedGiBHoursPerMonth"`
	// SavedPerMonth is money, in the currency of the prices; nil without prices.
	SavedPerMonth *float64 `json:"savedPerMonth,omitempty"`

	nowCPU, nowMemory, savedCPU, savedMemory int64
}

// Report is the whole of it.
type Report struct {
	// Time of the report.
	Time    time.Time `json:"time"`
	Tenants int       `json:"tenants"`
	Prices  Prices    `json:"prices,omitzero"`
	Total   Sum       `json:"total"`
	// Components are sums by the names of components.
	Components []Sum   `json:"components"`
	Directions []Count `json:"directions"`
	Reasons    []Count `json:"reasons"`
	Gates      []Count `json:"gates"`
	Risks      []Count `json:"risks"`
	// Top lists, the largest first.
	TopMemory []Row `json:"topMemory"`
	TopCPU    []Row `json:"topCPU"`
	TopGrowth []Row `json:"topGrowth"`
	TopRisk   []Row `json:"topRisk"`
	Rows      []Row `json:"rows"`
}

// Builder makes a report of components that it is given one after the other.
type Builder struct {
	now     time.Time
	prices  Prices
	tenants map[string]bool
	rows    []Row
}

// NewBuilder begins a report.
func NewBuilder(now time.Time, prices Prices) *Builder {
	return &Builder{now: now, prices: prices, tenants: map[string]bool{}}
}

// Add adds a component.
func (b *Builder) Add(c Component) {
	b.tenants[c.Tenant] = true
	r := rowOf(c, b.now)
	r.SavedPerMonth = b.prices.perMonth(r.SavedCores, r.SavedGiB)
	b.rows = append(b.rows, r)
}

// perMonth is money; of what is not known, or has no price, none. It is nil where nothing is left.
func (p Prices) perMonth(cores, gib *float64) *float64 {
	var sum float64
	known := false
	for _, part := range []struct{ amount, price *float64 }{{cores, p.CPUHour}, {gib, p.GiBHour}} {
		if part.amount != nil && part.price != nil {
			sum, known = sum+*part.amount**part.price*HoursPerMonth, true
		}
	}
	if !known {
		return nil
	}
	return &sum
}

// Report ends it.
func (b *Builder) Report() Report {
	slices.SortFunc(b.rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Component, y.Component))
	})
	out := Report{Time: b.now.UTC(), Tenants: len(b.tenants), Prices: b.prices, Rows: b.rows}
	if out.Rows == nil {
		out.Rows = []Row{}
	}
	byName := map[string]*Sum{}
	directions, reasons, gates, risks := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for i := range b.rows {
		r := &b.rows[i]
		out.Total.add(r)
		if byName[r.Component] == nil {
			byName[r.Component] = &Sum{Name: r.Component}
		}
		byName[r.Component].add(r)
		directions[string(r.Direction)]++
		risks[string(r.Risk)]++
		reasons[string(cmp.Or(r.Reason, "Undecided"))]++
		if r.Gate != "" {
			gates[string(r.Gate)]++
		}
	}
	out.Total.finish(b.prices)
	out.Components = []Sum{}
	for _, s := range byName {
		s.finish(b.prices)
		out.Components = append(out.Components, *s)
	}
	slices.SortFunc(out.Components, func(x, y Sum) int {
		return cmp.Or(cmp.Compare(y.savedMemory, x.savedMemory), cmp.Compare(x.Name, y.Name))
	})
	out.Directions, out.Reasons, out.Gates, out.Risks = counted(directions), counted(reasons), counted(gates), counted(risks)
	out.TopMemory = b.top(func(r *Row) int64 { return r.savedMemory.Or(0) })
	out.TopCPU = b.top(func(r *Row) int64 { return r.savedCPU.Or(0) })
	out.TopGrowth = b.top(func(r *Row) int64 { return -r.savedMemory.Or(0) })
	out.TopRisk = b.top(func(r *Row) int64 {
		if r.Risk != RiskHigh {
			return 0
		}
		return 1 + max(r.savedMemory.Or(0), 0)
	})
	return out
}

// top gives the rows that weigh most, the heaviest first; those that do not weigh anything are left out.
func (b *Builder) top(weight func(*Row) int64) []Row {
	var heavy []*Row
	for i := range b.rows {
		if weight(&b.rows[i]) > 0 {
			heavy = append(heavy, &b.rows[i])
		}
	}
	slices.SortStableFunc(heavy, func(x, y *Row) int { return cmp.Compare(weight(y), weight(x)) })
	out := []Row{}
	for _, r := range heavy[:min(len(heavy), topLength)] {
		out = append(out, *r)
	}
	return out
}

func (s *Sum) add(r *Row) {
	s.Components++
	s.nowCPU += r.nowCPU.Or(0)
	s.nowMemory += r.nowMemory.Or(0)
	s.savedCPU += r.savedCPU.Or(0)
	s.savedMemory += r.savedMemory.Or(0)
	if !r.savedCPU.Present() {
		s.UnknownCPU++
	}
	if !r.savedMemory.Present() {
		s.UnknownMemory++
	}
}

// finish turns whole numbers, which add up without an error, into cores and GiB.
func (s *Sum) finish(p Prices) {
	s.NowCores, s.SavedCores = float64(s.nowCPU)/milli, float64(s.savedCPU)/milli
	s.NowGiB, s.SavedGiB = float64(s.nowMemory)/float64(size.GiB), float64(s.savedMemory)/float64(size.GiB)
	s.SavedCoreHoursPerMonth, s.SavedGiBHoursPerMonth = s.SavedCores*HoursPerMonth, s.SavedGiB*HoursPerMonth
	s.SavedPerMonth = p.perMonth(&s.SavedCores, &s.SavedGiB)
}

// counted sorts counts, the largest first.
func counted(counts map[string]int) []Count {
	out := []Count{}
	for name, n := range counts {
		out = append(out, Count{name, n})
	}
	slices.SortFunc(out, func(x, y Count) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name))
	})
	return out
}
