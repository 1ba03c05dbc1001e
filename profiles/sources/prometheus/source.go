package prometheus

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net/url"
	"time"

	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/size"
)

// staleWindows: a source whose clock is so many windows behind says nothing of the present.
const staleWindows = 2

// Source reads a Prometheus. The present and the history may be read at the same time.
type Source struct {
	settings Settings
	client   *client
	clock    clock.PassiveClock
	seed     maphash.Seed
}

var (
	_ sources.Source    = (*Source)(nil)
	_ sources.Historian = (*Source)(nil)
)

// New makes a Source. It sends nothing.
//
// Errors: settings that are wrong, with all that is; files that cannot be read.
func New(settings Settings, now clock.PassiveClock) (*Source, error) {
	settings = settings.withDefaults()
	if err := settings.validate(); err != nil {
		return nil, fmt.Errorf("the settings of prometheus: %w", err)
	}
	c, err := newClient(settings, newBudget(settings.QueriesPerMinute, now))
	if err != nil {
		return nil, err
	}
	return &Source{settings: settings, client: c, clock: now, seed: maphash.MakeSeed()}, nil
}

// Name is "prometheus".
func (*Source) Name() string { return "prometheus" }

// Read gives the window that ends now, by the source's clock: memory first, since too little of it kills.
func (s *Source) Read(ctx context.Context, yield func(sources.Sample)) (sources.Report, error) {
	r := reading{source: s, kind: vector, path: "/api/v1/query", window: s.settings.Window, maxAge: staleWindows * s.settings.Window, yield: yield}
	if err := s.client.budget.take(presentQueries, 0); err != nil {
		return r.report, err
	}
	err := r.read(ctx)
	if err == nil {
		r.report.Miss(sources.ReasonAbsent, r.unpaired())
	}
	return r.report, err
}

// reading is one round of queries.
type reading struct {
	source *Source
	kind   kind
	path   string
	form   url.Values // besides the query
	window time.Duration
	maxAge time.Duration
	yield  func(sources.Sample)
	// namespaces are those that are asked for; none: all.
	namespaces []string

	memory, cpu map[uint64]float64  // what was seen, by container: its latest value
	reset       map[uint64]struct{} // containers whose counter went back
	points      int                 // of this query
	report      sources.Report
}

// read asks for memory, CPU, and counters that went back. The first failure ends it; what was given counts.
func (r *reading) read(ctx context.Context) error {
	q := r.source.settings.within(r.namespaces).queries(r.window)
	r.memory, r.cpu, r.reset = map[uint64]float64{}, map[uint64]float64{}, map[uint64]struct{}{}
	if err := r.ask(ctx, q.memory, r.takeMemory); err != nil {
		return fmt.Errorf("reading memory: %w", err)
	}
	if err := r.ask(ctx, q.cpu, r.takeCPU); err != nil {
		return fmt.Errorf("reading CPU: %w", err)
	}
	if err := r.ask(ctx, q.resets, r.takeReset); err != nil {
		return fmt.Errorf("reading counters that went back: %w", err)
	}
	for _, values := range []map[uint64]float64{r.memory, r.cpu} {
		if len(values) == 0 {
			r.report.Miss(sources.ReasonEmpty, 1)
		}
	}
	return nil
}

func (r *reading) ask(ctx context.Context, query string, take func(*series)) error {
	form := url.Values{"query": {query}}
	for name, values := range r.form {
		form[name] = values
	}
	r.report.Queries++
	r.points = 0
	rows := 0
	return r.source.client.query(ctx, r.path, form, func(body io.Reader) error {
		words, err := decode(body, r.kind, func(row *series) error {
			if rows++; rows > r.source.settings.MaxSeries {
				return fmt.Errorf("%w: more than %d series", errTooMuch, r.source.settings.MaxSeries)
			}
			if row == nil {
				r.report.Miss(sources.ReasonMalformed, 1)
				return nil
			}
			if r.points += len(row.Values); r.points > r.source.settings.MaxPoints {
				return fmt.Errorf("%w: more than %d points", errTooMuch, r.source.settings.MaxPoints)
			}
			take(row)
			return nil
		})
		r.report.Warnings = append(r.report.Warnings, words...)
		return err
	})
}

func (r *reading) takeMemory(row *series) {
	r.take(row, r.memory, func(p point, s *sources.Sample) { s.Memory = size.Of(p.value) })
}

func (r *reading) takeCPU(row *series) {
	r.take(row, r.cpu, func(p point, s *sources.Sample) { s.CPU = size.Of(p.value * 1000) }) // cores
}

func (r *reading) takeReset(row *series) {
	r.reset[r.key(row)] = struct{}{}
	r.report.Miss(sources.ReasonCounterReset, len(row.points(r.kind)))
}

// take gives the points of a row. A row that comes twice gives only what is higher than what it gave before.
func (r *reading) take(row *series, seen map[uint64]float64, put func(point, *sources.Sample)) {
	key := r.key(row)
	before, twice := seen[key]
	if twice {
		r.report.Miss(sources.ReasonDuplicate, 1)
	}
	for _, p := range row.points(r.kind) {
		if !p.ok {
			r.report.Miss(sources.ReasonMalformed, 1)
			continue
		}
		if twice && r.kind == vector && p.value <= before {
			continue
		}
		seen[key] = p.value
		s := sources.Sample{
			Namespace: row.Metric.Namespace, Container: row.Metric.Container, Window: r.window,
			Sample: profiles.Sample{At: p.at, Replica: row.Metric.Pod},
		}
		put(p, &s)
		r.report.Give(s, r.source.clock.Now(), r.maxAge, r.yield)
	}
}

// key is a hash of a container of a pod.
func (r *reading) key(row *series) uint64 {
	var h maphash.Hash
	h.SetSeed(r.source.seed)
	for _, part := range []string{row.Metric.Namespace, row.Metric.Pod, row.Metric.Container} {
		_, _ = h.WriteString(part) // never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// unpaired counts containers of which only one value was seen, for no reason that is known.
func (r *reading) unpaired() int {
	n := 0
	for key := range r.memory {
		_, paired := r.cpu[key]
		_, reset := r.reset[key]
		if !paired && !reset {
			n++
		}
	}
	for key := range r.cpu {
		if _, paired := r.memory[key]; !paired {
			n++
		}
	}
	return n
}

// points are the points of a row of an answer of that kind.
func (s *series) points(k kind) []point {
	if k == vector {
		return []point{s.Value}
	}
	return s.Values
}
