package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/profiles/sources"
)

// past is a server that knows the past: every container of n uses the time in minutes since noon of its first day, as MiB and
// as millicores.
type past struct {
	script
	containers int
	maxPoints  int // a range query of more is refused
	spans      []string
}

const pastStep = 5 * time.Minute

var pastFrom = noon.Add(-48 * time.Hour).Truncate(time.Second)

func newPast(containers, maxPoints int) *past {
	p := &past{containers: containers, maxPoints: maxPoints}
	p.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		start, end := seconds0(r, "start"), seconds0(r, "end")
		points := int(end.Sub(start)/pastStep) + 1
		query := r.FormValue("query")
		if strings.Contains(query, "container_memory") {
			p.spans = append(p.spans, fmt.Sprintf("%d to %d min", int(start.Sub(pastFrom).Minutes()), int(end.Sub(pastFrom).Minutes())))
		}
		if points > p.maxPoints {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"}`)
			return true
		}
		if !strings.Contains(query, "container_memory") && !strings.Contains(query, "rate(") {
			return false
		}
		var rows []string
		for i := range p.containers {
			var values []string
			for at := start; !at.After(end); at = at.Add(pastStep) {
				v := at.Sub(pastFrom).Minutes() / 1000
				if strings.Contains(query, "container_memory") {
					v *= 1000 * (1 << 20)
				}
				values = append(values, fmt.Sprintf(`[%d,"%g"]`, at.Unix(), v))
			}
			rows = append(rows, fmt.Sprintf(`{"metric":{"namespace":"t1","pod":"p%d","container":"etcd"},"values":[%s]}`, i, strings.Join(values, ",")))
		}
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[`+strings.Join(rows, ",")+`]}}`)
		return true
	}
	return p
}

func seconds0(r *http.Request, field string) time.Time {
	s, err := strconv.ParseInt(r.FormValue(field), 10, 64)
	if err != nil {
		panic(err)
	}
	return time.Unix(s, 0).UTC()
}

// readAll reads a history to its end, through a cursor that is written and read again between two chunks. It waits for the
// budget by moving the clock.
func readAll(t testing.TB, s *Source, clock *clocktesting.FakePassiveClock, at sources.Cursor, yield func(sources.Sample)) (chunks, failures int) {
	t.Helper()
	for !at.Done() {
		next, _, err := s.Next(t.Context(), at, yield)
		switch {
		case errors.Is(err, sources.ErrHeld):
			clock.SetTime(clock.Now().Add(time.Minute))
		case err != nil:
			failures++
		default:
			chunks++
		}
		if next.Next.Before(at.Next) || chunks+failures > 1000 {
			t.Fatalf("the history does not go on at %s: %v", next, err)
		}
		kept, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		at = sources.Cursor{}
		if err := json.Unmarshal(kept, &at); err != nil {
			t.Fatal(err)
		}
	}
	return chunks, failures
}

func TestHistoryIsReadOnceInOrderAndWhole(t *testing.T) {
	clock := fixed(noon)
	p := newPast(3, 11_000)
	source := serve(t, &p.script, Settings{MaxSeries: 3, MaxPoints: 3 * 150, QueriesPerMinute: 60}, clock)
	newest := map[string]time.Time{}
	given := map[string]int{}
	chunks, failures := readAll(t, source, clock, sources.NewCursor(pastFrom.Add(48*time.Hour), 48*time.Hour), func(s sources.Sample) {
		mustBeUsage(t, s)
		resource := "cpu"
		want := s.CPU.Or(0)
		if m, ok := s.Memory.Get(); ok {
			resource, want = "memory", m/(1<<20)
		}
		key := s.Replica + " " + resource
		if !s.At.After(newest[key]) {
			t.Fatalf("%s of %s comes after %s", key, s.At, newest[key])
		}
		newest[key] = s.At
		given[key]++
		if minutes := s.At.Sub(pastFrom).Minutes(); want < minutes-0.001 || want > minutes+0.001 {
			t.Fatalf("%s at minute %g is %g", key, minutes, want)
		}
	})
	if failures != 0 {
		t.Errorf("%d chunks failed", failures)
	}
	for _, pod := range []string{"p0", "p1", "p2"} {
		for _, resource := range []string{"cpu", "memory"} {
			if n := given[pod+" "+resource]; n != 48*12 {
				t.Errorf("%d points of %s of %s, want one for each of 48·12 steps", n, resource, pod)
			}
		}
	}
	// 12 points, then four times as many, then as many as the bound allows for three series: 150.
	want := []string{"5 to 60 min", "65 to 300 min", "305 to 1050 min", "1055 to 1800 min", "1805 to 2550 min", "2555 to 2880 min"}
	if diff := cmp.Diff(want, p.spans); diff != "" || chunks != len(want) {
		t.Errorf("%d chunks (-want +got):\n%s", chunks, diff)
	}
}

func TestAChunkThatIsTooMuchIsHalved(t *testing.T) {
	clock := fixed(noon)
	p := newPast(1, 20) // fewer than the second chunk wants
	source := serve(t, &p.script, Settings{}, clock)
	points := 0
	_, failures := readAll(t, source, clock, sources.NewCursor(pastFrom.Add(10*time.Hour), 10*time.Hour), func(s sources.Sample) {
		if s.Memory.Present() {
			points++
		}
	})
	if points != 10*12 {
		t.Errorf("%d points, want %d", points, 10*12)
	}
	if failures == 0 {
		t.Error("no chunk was too much")
	}
}

func TestAHistoryGoesOnWhereItStood(t *testing.T) {
	clock := fixed(noon)
	p := newPast(1, 11_000)
	source := serve(t, &p.script, Settings{}, clock)
	at, _, err := source.Next(t.Context(), sources.NewCursor(pastFrom.Add(10*time.Hour), 10*time.Hour), func(sources.Sample) {})
	if err != nil || at.Percent() != 10 {
		t.Fatalf("after one hour of ten it stands at %s (%v)", at, err)
	}
	p.spans = nil
	readAll(t, serve(t, &p.script, Settings{}, clock), clock, at, func(sources.Sample) {})
	if p.spans[0] != "65 to 300 min" {
		t.Errorf("another process begins with %s", p.spans[0])
	}
}

func TestHistoryLeavesQueriesForThePresent(t *testing.T) {
	clock := fixed(noon)
	p := newPast(1, 11_000)
	source := serve(t, &p.script, Settings{QueriesPerMinute: 9, MaxSeries: 1, MaxPoints: firstPoints}, clock)
	at := sources.NewCursor(pastFrom.Add(10*time.Hour), 10*time.Hour)
	var err error
	for err == nil {
		at, _, err = source.Next(t.Context(), at, func(sources.Sample) {})
	}
	if !errors.Is(err, sources.ErrHeld) || p.asked() != 6 {
		t.Fatalf("after %d queries of 9: %v", p.asked(), err)
	}
	p.refuse = nil
	if _, _, err := read(t, source); err != nil {
		t.Errorf("the present is not read: %v", err)
	}
}

func TestCountersThatWentBackAreCountedByTheirPoints(t *testing.T) {
	s := &script{resets: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"namespace":"t1","pod":"p","container":"etcd"},"values":[[1,"1"],[2,"1"]]}]}}`}
	source := serve(t, s, Settings{}, fixed(noon))
	_, report, err := source.Next(t.Context(), sources.NewCursor(pastFrom.Add(time.Hour), time.Hour), func(sources.Sample) {})
	if err != nil || report.Unknown[sources.ReasonCounterReset] != 2 {
		t.Errorf("report %+v (%v)", report, err)
	}
}

func TestASpanShorterThanAStepIsDone(t *testing.T) {
	at, report, err := serve(t, &script{}, Settings{}, fixed(noon)).Next(t.Context(), sources.NewCursor(noon, time.Minute), nil)
	if err != nil || !at.Done() || report.Queries != 0 {
		t.Errorf("it stands at %s after %d queries (%v)", at, report.Queries, err)
	}
}

func TestTheHistoryOfSomeNamespacesAsksForThese(t *testing.T) {
	p := newPast(1, 100)
	source := serve(t, &p.script, Settings{Matchers: []Matcher{{Label: "cluster", Op: Equal, Value: "a"}}}, fixed(noon))
	at := sources.NewCursor(pastFrom.Add(10*time.Hour), 10*time.Hour)
	at.Namespaces = []string{"tenant-0001", "a.b"}
	at, _, err := source.Next(t.Context(), at, func(sources.Sample) {})
	if err != nil || len(at.Namespaces) != 2 {
		t.Errorf("the cursor after it is for the namespaces %q (%v)", at.Namespaces, err)
	}
	if len(p.queries) != presentQueries {
		t.Errorf("%d queries were sent", len(p.queries))
	}
	for _, q := range p.queries {
		if strings.Count(q, cpuCounter)+strings.Count(q, workingSetGauge)+strings.Count(q, anonymousGauge) != strings.Count(q, `,cluster="a",namespace=~"tenant-0001|a\\.b"`) {
			t.Errorf("the query asks for more: %s", q)
		}
	}
	if _, _, err := source.Next(t.Context(), sources.NewCursor(pastFrom.Add(10*time.Hour), 10*time.Hour), func(sources.Sample) {}); err != nil {
		t.Error(err)
	}
	if q := p.queries[len(p.queries)-1]; strings.Contains(q, "namespace=") {
		t.Errorf("the query for all names a namespace: %s", q)
	}
}
