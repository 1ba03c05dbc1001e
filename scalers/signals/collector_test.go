package signals

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	client "github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// server answers the query of one signal, and all others with nothing.
type server struct {
	t      *testing.T
	signal Name

	mu       sync.Mutex
	rows     []string
	warnings string
	status   int
	asked    map[Name]int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := Name("own")
	for _, row := range Table() {
		if r.FormValue("query") == expand(row.Query, `cluster="eu"`, 2*time.Minute) {
			asked = row.Name
		}
	}
	s.asked[asked]++
	if s.status != 0 && asked == s.signal {
		w.WriteHeader(s.status)
		_, _ = fmt.Fprint(w, `{"status":"error","errorType":"x","error":"no"}`)
		return
	}
	var rows []string
	if asked == s.signal {
		rows = s.rows
	}
	_, _ = fmt.Fprintf(w, `{"status":"success","warnings":[%s],"data":{"resultType":"vector","result":[%s]}}`, s.warnings, strings.Join(rows, ","))
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// answers sets the rows of the next answers.
func (s *server) answers(rows ...string) { s.set(func(s *server) { s.rows = rows }) }

func (s *server) count(name Name) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

// value is a row with an amount, as of the time of evaluation.
func value(namespace, pod, component, amount string) string {
	return fmt.Sprintf(`{"metric":{"namespace":%q,"pod":%q,"container":%q},"value":[%d,%q]}`, namespace, pod, component, noon.Unix(), amount)
}

// scraped is a row that says when.
func scraped(namespace, pod, component string, at time.Time) string {
	return fmt.Sprintf(`{"metric":{"namespace":%q,"pod":%q,"container":%q,"metapilot":"at"},"value":[%d,"%d"]}`, namespace, pod, component, noon.Unix(), at.Unix())
}

type fixture struct {
	server    *server
	clock     *clocktesting.FakeClock
	collector *Collector
	registry  *client.Registry
}

// collect makes a collector of a server that knows one signal. Namespaces that begin with t are managed.
func collect(t *testing.T, signal Name, queries map[Name]string) fixture {
	t.Helper()
	f := fixture{server: &server{t: t, signal: signal, asked: map[Name]int{}}, clock: clocktesting.NewFakeClock(noon), registry: client.NewRegistry()}
	http := httptest.NewServer(f.server)
	t.Cleanup(http.Close)
	querier, err := prometheus.NewQuerier(prometheus.Settings{Address: http.URL}, f.clock)
	if err != nil {
		t.Fatal(err)
	}
	f.collector, err = New(Options{
		Ask: querier.Query, Matchers: `cluster="eu"`, Queries: queries, Interval: 30 * time.Second, Window: 2 * time.Minute,
		Managed: func(namespace string) bool { return strings.HasPrefix(namespace, "t") },
		Clock:   f.clock, Log: logr.Discard(), Metrics: f.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// number is what a counter or a gauge has.
func number(metric client.Metric) float64 {
	var m dto.Metric
	if err := metric.Write(&m); err != nil {
		panic(err)
	}
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

// unknown are the reasons why a signal is unknown, with how often.
func (f fixture) unknown(signal Name) map[string]float64 {
	out := map[string]float64{}
	for _, reason := range []sources.Reason{
		sources.ReasonAbsent, sources.ReasonDuplicate, sources.ReasonEmpty, sources.ReasonFuture, sources.ReasonMalformed,
		sources.ReasonNegative, sources.ReasonNoTimestamp, sources.ReasonNotFinite, sources.ReasonStale,
	} {
		if n := number(f.collector.metrics.unknown.WithLabelValues(string(signal), string(reason))); n > 0 {
			out[string(reason)] = n
		}
	}
	return out
}

func TestOneQueryPerSignalAndRound(t *testing.T) {
	f := collect(t, Rejections, nil)
	for range 3 {
		f.collector.round(t.Context())
	}
	for _, name := range Names() {
		if n := f.server.count(name); n != 3 {
			t.Errorf("%s was asked for %d times in 3 rounds", name, n)
		}
	}
	if n := f.server.count("own"); n != 0 {
		t.Errorf("%d queries that are not in the table", n)
	}
}

func TestPodsBecomeOneValue(t *testing.T) {
	early, late := noon.Add(-40*time.Second), noon.Add(-10*time.Second)
	for signal, want := range map[Name]Value{
		Rejections:     {Amount: 3, At: early, Pods: 2},
		MemoryPressure: {Amount: 2, At: early, Pods: 2},
		Nodes:          {Amount: 2, At: early, Pods: 2},
	} {
		f := collect(t, signal, nil)
		f.server.answers(
			value("t1", "a", "kube-apiserver", "1"), value("t1", "b", "kube-apiserver", "2"), value("other", "a", "kube-apiserver", "5"),
			scraped("t1", "a", "kube-apiserver", early), scraped("t1", "b", "kube-apiserver", late), scraped("other", "a", "kube-apiserver", late),
		)
		f.collector.round(t.Context())
		got, ok := f.collector.Lookup("t1", "kube-apiserver", signal)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: (-want +got):\n%s", signal, diff)
		}
		if at, err := f.collector.Fresh(signal); err != nil || !at.Equal(early) {
			t.Errorf("%s is as fresh as %s (%v), want %s", signal, at, err, early)
		}
		_, other := f.collector.Lookup("other", "kube-apiserver", signal)
		_, etcd := f.collector.Lookup("t1", "etcd", signal)
		if row, _ := Of(signal); other || etcd != (row.Scope == Tenant) {
			t.Errorf("%s: other namespace %t, other component %t", signal, other, etcd)
		}
		if n := number(f.collector.metrics.values.WithLabelValues(string(signal))); n != 1 {
			t.Errorf("%s: %v values are counted, want 1", signal, n)
		}
	}
}

// Whatever is no value is unknown, never zero, and counted.
func TestWhatIsNoValueIsUnknown(t *testing.T) {
	now := scraped("t1", "a", "kube-apiserver", noon)
	of := func(amount string) string { return value("t1", "a", "kube-apiserver", amount) }
	for name, tc := range map[string]struct {
		rows []string
		want map[string]float64
	}{
		"nothing at all":      {nil, map[string]float64{"empty": 1}},
		"only a time":         {[]string{now}, map[string]float64{}},
		"no time":             {[]string{of("1")}, map[string]float64{"noTimestamp": 1}},
		"not a number":        {[]string{of("NaN"), now}, map[string]float64{"notFinite": 1}},
		"infinite":            {[]string{of("+Inf"), now}, map[string]float64{"notFinite": 1}},
		"negative":            {[]string{of("-1"), now}, map[string]float64{"negative": 1}},
		"words":               {[]string{of("many"), now}, map[string]float64{"malformed": 1}},
		"no component":        {[]string{value("t1", "a", "", "1"), now}, map[string]float64{"malformed": 1}},
		"measured long ago":   {[]string{of("1"), scraped("t1", "a", "kube-apiserver", noon.Add(-121*time.Second))}, map[string]float64{"stale": 1}},
		"measured in future":  {[]string{of("1"), scraped("t1", "a", "kube-apiserver", noon.Add(121*time.Second))}, map[string]float64{"future": 1}},
		"the time is no time": {[]string{of("1"), strings.Replace(now, strconv.Itoa(int(noon.Unix()))+`"]`, `NaN"]`, 1)}, map[string]float64{"noTimestamp": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := collect(t, Rejections, nil)
			f.server.answers(tc.rows...)
			f.collector.round(t.Context())
			if v, ok := f.collector.Lookup("t1", "kube-apiserver", Rejections); ok {
				t.Errorf("it is %v", v)
			}
			if at, err := f.collector.Fresh(Rejections); err == nil || !strings.Contains(err.Error(), "Rejections has not been measured: the source has no values") {
				t.Errorf("fresh as of %s, error %v", at, err)
			}
			if diff := cmp.Diff(tc.want, f.unknown(Rejections)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}

func TestZeroIsAValueAndTheHigherOfTwoCounts(t *testing.T) {
	f := collect(t, Rejections, nil)
	f.server.answers(value("t1", "a", "c", "0"), scraped("t1", "a", "c", noon), value("t2", "a", "c", "5"), value("t2", "a", "c", "3"), scraped("t2", "a", "c", noon))
	f.collector.round(t.Context())
	if v, ok := f.collector.Lookup("t1", "c", Rejections); !ok || v.Amount != 0 {
		t.Errorf("%v, %t", v, ok)
	}
	if v, ok := f.collector.Lookup("t2", "c", Rejections); !ok || v.Amount != 5 {
		t.Errorf("%v, %t", v, ok)
	}
	if diff := cmp.Diff(map[string]float64{"duplicate": 1}, f.unknown(Rejections)); diff != "" {
		t.Error(diff)
	}
}

func TestAValueGoesStaleByItself(t *testing.T) {
	f := collect(t, Rejections, nil)
	f.server.answers(value("t1", "a", "c", "1"), scraped("t1", "a", "c", noon))
	f.collector.round(t.Context())
	for after, want := range map[time.Duration]bool{0: true, 2 * time.Minute: true, 2*time.Minute + time.Second: false} {
		f.clock.SetTime(noon.Add(after))
		_, ok := f.collector.Lookup("t1", "c", Rejections)
		_, err := f.collector.Fresh(Rejections)
		if ok != want || (err == nil) != want {
			t.Errorf("after %s: known %t, fresh %v", after, ok, err)
		}
	}
}

// What an answer does not have any more is unknown at once: its process is gone, or not scraped.
func TestWhatIsGoneIsUnknownAndCounted(t *testing.T) {
	f := collect(t, Rejections, nil)
	f.server.answers(value("t1", "a", "c", "1"), scraped("t1", "a", "c", noon), value("t2", "a", "c", "1"), scraped("t2", "a", "c", noon))
	f.collector.round(t.Context())
	f.server.answers(value("t2", "a", "c", "1"), scraped("t2", "a", "c", noon))
	f.server.set(func(s *server) { s.warnings = `"a store is away"` })
	f.collector.round(t.Context())
	_, gone := f.collector.Lookup("t1", "c", Rejections)
	_, there := f.collector.Lookup("t2", "c", Rejections)
	if gone || !there {
		t.Errorf("t1 is known: %t, t2: %t", gone, there)
	}
	if diff := cmp.Diff(map[string]float64{"absent": 1}, f.unknown(Rejections)); diff != "" {
		t.Error(diff)
	}
	if n := number(f.collector.metrics.warnings.WithLabelValues(string(Rejections))); n != 1 {
		t.Errorf("%v warnings are counted", n)
	}
	f.collector.Forget("t2")
	if _, ok := f.collector.Lookup("t2", "c", Rejections); ok {
		t.Error("a namespace that is forgotten is known")
	}
}

// A server in trouble is asked once, then left alone; what was known stays until it is stale.
func TestAServerInTroubleIsLeftAlone(t *testing.T) {
	f := collect(t, Rejections, nil)
	f.server.answers(value("t1", "a", "c", "1"), scraped("t1", "a", "c", noon))
	f.collector.round(t.Context())
	f.server.set(func(s *server) { s.status = http.StatusServiceUnavailable })
	f.clock.SetTime(noon.Add(30 * time.Second))
	f.collector.round(t.Context())
	f.collector.round(t.Context())
	if r, s := f.server.count(Rejections), f.server.count(Seats); r != 2 || s != 1 {
		t.Errorf("asked for Rejections %d times, for Seats %d times; want 2 and 1", r, s)
	}
	if v, ok := f.collector.Lookup("t1", "c", Rejections); !ok || v.Amount != 1 {
		t.Errorf("%v, %t", v, ok)
	}
	if _, err := f.collector.Fresh(Seats); err == nil || !strings.Contains(err.Error(), "Seats has not been measured: prometheus answers 503") {
		t.Errorf("error %v", err)
	}
	f.clock.SetTime(noon.Add(3 * time.Minute))
	f.server.set(func(s *server) { s.status = 0 })
	f.server.answers(value("t1", "a", "c", "2"), scraped("t1", "a", "c", f.clock.Now()))
	f.collector.round(t.Context())
	if v, ok := f.collector.Lookup("t1", "c", Rejections); !ok || v.Amount != 2 {
		t.Errorf("%v, %t: it is asked again", v, ok)
	}
}

// A query that the server refuses is asked less and less often; the others are asked all the same.
func TestAQueryAtFaultIsAloneToWait(t *testing.T) {
	f := collect(t, Rejections, nil)
	f.server.set(func(s *server) { s.status = http.StatusUnprocessableEntity })
	for range 10 { // five minutes
		f.collector.round(t.Context())
		f.clock.Step(30 * time.Second)
	}
	if r, s := f.server.count(Rejections), f.server.count(Seats); r != 3 || s != 10 { // after 0, 1 and 3 minutes
		t.Errorf("asked for Rejections %d times, for Seats %d times; want 3 and 10", r, s)
	}
}

// An own query is sent as it is written, and is as of the time of evaluation where it does not say otherwise.
func TestOwnQueries(t *testing.T) {
	f := collect(t, "own", map[Name]string{Rejections: `rate(own{$matchers}[$window])`})
	f.server.answers(value("t1", "a", "c", "1"))
	f.collector.round(t.Context())
	want := Value{Amount: 1, At: noon, Pods: 1}
	if got, ok := f.collector.Lookup("t1", "c", Rejections); !ok || !cmp.Equal(want, got) {
		t.Errorf("%v, %t", got, ok)
	}
	if got, want := f.collector.states[0].query, `rate(own{cluster="eu"}[120s])`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestAnUnknownSignalIsNoSignal(t *testing.T) {
	f := collect(t, Rejections, nil)
	if _, ok := f.collector.Lookup("t1", "c", "Rejection"); ok {
		t.Error("it is known")
	}
	if _, err := f.collector.Fresh("Rejection"); err == nil || !strings.Contains(err.Error(), `there is no signal "Rejection"; there are [Rejections Seats`) {
		t.Errorf("error %v", err)
	}
}

func TestStartAsksOnceAnIntervalAndEnds(t *testing.T) {
	f := collect(t, Rejections, nil)
	rounds := make(chan struct{}, 10)
	f.collector.options.Ask = func(context.Context, string, func(prometheus.Row)) (prometheus.Answer, error) {
		rounds <- struct{}{}
		return prometheus.Answer{}, errors.New("away")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.collector.Start(ctx) }()
	<-rounds
	for !f.clock.HasWaiters() { // the timer is set after the round
	}
	f.clock.Step(40 * time.Second)
	<-rounds
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if f.collector.NeedLeaderElection() {
		t.Error("a standby must know the present too")
	}
}

// Two managers in one process, as in tests, share the metrics.
func TestMetricsAreShared(t *testing.T) {
	f := collect(t, Rejections, nil)
	if _, err := New(Options{Metrics: f.registry}); err != nil {
		t.Error(err)
	}
}
