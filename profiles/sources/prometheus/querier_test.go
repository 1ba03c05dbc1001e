package prometheus

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/profiles/sources"
)

func TestQuerierGivesRowsAndWarnings(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"status":"success","warnings":["a store is away"],"data":{"resultType":"vector","result":[
			{"metric":{"namespace":"t1","q":%q},"value":[%s,"1.5"]},
			{"metric":{"namespace":"t2"},"value":[%[2]s,"a lot"]},
			{"metric":{"namespace":3},"value":[%[2]s,"1"]},
			{"metric":{},"value":[%[2]s,"NaN"]}]}}`, r.FormValue("query"), at)
	}))
	defer server.Close()
	q, err := NewQuerier(Settings{Address: server.URL}, fixed(noon))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	got, err := q.Query(t.Context(), "up", func(r Row) { rows = append(rows, fmt.Sprint(r.Labels, r.Value, r.At.UnixMilli())) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"map[namespace:t1 q:up] 1.5 1795598068331", "map[] NaN 1795598068331"}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Answer{Rows: 2, Malformed: 2, Warnings: []string{"a store is away"}}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// A query that is wrong says nothing of the server; a server in trouble is left alone.
func TestQuerierLeavesOnlyAServerInTroubleAlone(t *testing.T) {
	status, asked := http.StatusBadRequest, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error"}`)
	}))
	defer server.Close()
	now := fixed(noon)
	q, err := NewQuerier(Settings{Address: server.URL}, now)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_, err := q.Query(t.Context(), "up", func(Row) {})
		return err
	}
	for range 2 {
		if err := ask(); !AtFault(err) || !strings.Contains(err.Error(), "parse error") {
			t.Fatalf("error %v; the query is at fault", err)
		}
	}
	status = http.StatusServiceUnavailable
	if err := ask(); err == nil || AtFault(err) || errors.Is(err, sources.ErrHeld) {
		t.Fatalf("error %v; the server is at fault", err)
	}
	if err := ask(); !errors.Is(err, sources.ErrHeld) || asked != 3 {
		t.Fatalf("error %v after %d requests; it is not asked a fourth time", err, asked)
	}
	now.SetTime(noon.Add(time.Minute))
	if err := ask(); errors.Is(err, sources.ErrHeld) || asked != 4 {
		t.Fatalf("error %v after %d requests; it is asked again", err, asked)
	}
}

func TestQuerierBoundsRows(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, vectorOf(rowOf("a", "1"), rowOf("b", "2"), rowOf("c", "3")))
	}))
	defer server.Close()
	q, err := NewQuerier(Settings{Address: server.URL, MaxSeries: 2}, fixed(noon))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	if _, err := q.Query(t.Context(), "up", func(Row) { rows++ }); !AtFault(err) || rows != 2 {
		t.Errorf("%d rows, error %v; two rows may be read", rows, err)
	}
}

func TestSelector(t *testing.T) {
	s := Settings{Matchers: []Matcher{{"cluster", Equal, `a"b`}, {"namespace", Matches, "t-.*"}}}
	if got, want := s.Selector(), `cluster="a\"b",namespace=~"t-.*"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
