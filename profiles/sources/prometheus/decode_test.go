package prometheus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/answer"
	"github.com/metapilot/metapilot/size"
)

const at = `1795598068.331`

var noon = time.UnixMilli(1795598068331).UTC()

// vectorOf is the answer to a query, with these rows.
func vectorOf(rows ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(rows, ",") + `]}}`
}

// rowOf is a container's row in it.
func rowOf(container, value string) string {
	return `{"metric":{"namespace":"t1","pod":"etcd-0","container":"` + container + `"},"value":[` + at + `,"` + value + `"]}`
}

func decoded(content string, want kind) (rows []string, words []string, err error) {
	words, err = decode(strings.NewReader(content), want, func(s *series) error {
		if s == nil {
			rows = append(rows, "unreadable")
			return nil
		}
		line := s.Metric.Namespace + "/" + s.Metric.Pod + "/" + s.Metric.Container
		for _, p := range s.points(want) {
			if !p.ok {
				line += " ?"
				continue
			}
			line += fmt.Sprintf(" %g@%d", p.value, p.at.UnixMilli())
		}
		rows = append(rows, line)
		return nil
	})
	return rows, words, err
}

func TestDecode(t *testing.T) {
	etcd := "t1/etcd-0/etcd 0.25@1795598068331"
	for name, tc := range map[string]struct {
		content   string
		kind      kind
		want      []string
		wantWords []string
		wantErr   string
	}{
		"what Prometheus answers": {content: vectorOf(rowOf("etcd", "0.25"), rowOf("side", "1e-3")), want: []string{etcd, "t1/etcd-0/side 0.001@1795598068331"}},
		"nothing":                 {content: vectorOf()},
		"nothing, as null":        {content: `{"status":"success","data":{"resultType":"vector","result":null}}`},
		"words that are no number are points all the same": {
			content: vectorOf(rowOf("etcd", "NaN"), rowOf("side", "-Inf")), want: []string{"t1/etcd-0/etcd NaN@1795598068331", "t1/etcd-0/side -Inf@1795598068331"},
		},
		"values that cannot be read": {
			content: vectorOf(
				rowOf("etcd", "many"), rowOf("etcd", "1e999"), rowOf("etcd", ""), `{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"}}`,
				`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":[1795598068,5]}`,
				`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":["yesterday","5"]}`,
				`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":[1e300,"5"]}`,
				`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":{}}`,
			),
			want: slicesRepeat("t1/etcd-0/etcd ?", 8),
		},
		"rows that cannot be read": {
			content: vectorOf(`5`, `{"metric":{"namespace":"t1","pod":"etcd-0"},"value":[1,"1"]}`, `{"metric":{"namespace":5}}`, rowOf("etcd", "0.25")),
			want:    []string{"unreadable", "unreadable", "unreadable", etcd},
		},
		"warnings, before and after the data": {
			content:   `{"warnings":["one"],"status":"success","data":{"result":[` + rowOf("etcd", "0.25") + `],"resultType":"vector"},"warnings":["two",5]}`,
			want:      []string{etcd},
			wantWords: []string{"one", "two", ""},
		},
		"fields that are not known": {
			content: `{"x":[{}],"status":"success","infos":["y"],"data":{"stats":{"a":1},"resultType":"vector","result":[` + rowOf("etcd", "0.25") + `]}}`, want: []string{etcd},
		},
		"points over time": {
			kind:    matrix,
			content: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"values":[[1,"1"],[61,"x"],[121,"3"]]}]}}`,
			want:    []string{"t1/etcd-0/etcd 1@1000 ? 3@121000"},
		},
		"a failure in words":  {content: `{"status":"error","errorType":"execution","error":"too many samples"}`, wantErr: `prometheus answers "execution": too many samples`},
		"another kind":        {content: `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`, want: []string{"unreadable", "unreadable"}, wantErr: `it is a "scalar", not a vector`},
		"no data":             {content: `{"status":"success"}`, wantErr: "it has no data"},
		"an empty answer":     {content: ``, wantErr: "EOF"},
		"a page of HTML":      {content: `<html>`, wantErr: "invalid character"},
		"cut off":             {content: vectorOf(rowOf("etcd", "0.25"), rowOf("side", "1"))[:220], want: []string{etcd}, wantErr: "unexpected EOF"},
		"no status":           {content: `{"data":{"resultType":"vector","result":[]}}`, wantErr: "prometheus answers"},
		"a status of numbers": {content: `{"status":5}`, wantErr: "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			k := tc.kind
			if k == "" {
				k = vector
			}
			rows, words, err := decoded(tc.content, k)
			if diff := cmp.Diff(tc.want, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantWords, words, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if (err == nil) != (tc.wantErr == "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("error %v, want %q", err, tc.wantErr)
			}
		})
	}
}

func slicesRepeat(s string, n int) []string {
	var all []string
	for range n {
		all = append(all, s)
	}
	return all
}

func TestWarningsAreBounded(t *testing.T) {
	words := strings.Repeat(`"`+strings.Repeat("w", 2*maxWordsLength)+`",`, 3*maxWarnings)
	_, got, err := decoded(`{"status":"success","warnings":[`+strings.TrimSuffix(words, ",")+`],"data":{"resultType":"vector","result":[]}}`, vector)
	if err != nil || len(got) != maxWarnings || len(got[0]) > maxWordsLength+len("…") {
		t.Errorf("%d warnings are kept (%v)", len(got), err)
	}
}

func TestAnAnswerIsReadUpToItsBound(t *testing.T) {
	content := vectorOf(rowOf("etcd", "0.25"))
	for bytes, want := range map[int]error{len(content): nil, len(content) - 1: answer.ErrTooLarge, 0: answer.ErrTooLarge} {
		_, err := decode(answer.Bounded(strings.NewReader(content), int64(bytes)), vector, func(*series) error { return nil })
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("of %d bytes %d may be read: %v", len(content), bytes, err)
		}
	}
}

// FuzzPrometheusAnswer: whatever is answered, reading it ends without a panic; what is given is a usage of a container that
// is named; and a profile that takes it does not become smaller.
func FuzzPrometheusAnswer(f *testing.F) {
	f.Add([]byte(vectorOf(rowOf("etcd", "0.25"), rowOf("etcd", "NaN"), rowOf("etcd", "-1"), rowOf("side", "1e99"))), false)
	f.Add([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"values":[[1795598000,"1"],[1795598068,"x"]]}]}}`), true)
	f.Add([]byte(`{"status":"error","errorType":"x","error":"y"}`), false)
	f.Add([]byte(`{"warnings":["w"],"status":"success","data":{"result":[[1,"1"],null,5,{}]}}`), true)
	f.Fuzz(func(t *testing.T, content []byte, history bool) {
		k := vector
		if history {
			k = matrix
		}
		profile := profiles.New(profiles.DefaultPeak())
		profile.Add(noon, profiles.Sample{At: noon.Add(-time.Hour), Replica: "etcd-0", CPU: size.Of(500.0), Memory: size.Of(1e9)})
		target := func() size.Amounts {
			return profile.Recommend(noon, profiles.DefaultPeak(), profiles.Bounds{}).Target
		}
		before := target()
		r := newReading(t, k)
		r.yield = func(s sources.Sample) {
			mustBeUsage(t, s)
			profile.Add(noon, s.Sample)
		}
		for _, take := range []func(*series){r.takeMemory, r.takeReset, r.takeCPU} {
			_, _ = decode(bytes.NewReader(content), k, func(s *series) error {
				if s != nil {
					take(s)
				}
				return nil
			})
		}
		if after := target(); after.CPU.Or(0) < before.CPU.Or(0) || after.Memory.Or(0) < before.Memory.Or(0) {
			t.Errorf("the profile's target was %s and is %s", before, after)
		}
	})
}

// newReading is a reading of a source whose clock stands at noon.
func newReading(t testing.TB, k kind) *reading {
	t.Helper()
	s, err := New(Settings{Address: "http://127.0.0.1:1"}, fixed(noon))
	if err != nil {
		t.Fatal(err)
	}
	return &reading{
		source: s, kind: k, window: s.settings.Window, maxAge: time.Hour,
		memory: map[uint64]float64{}, cpu: map[uint64]float64{}, reset: map[uint64]struct{}{},
	}
}

// BenchmarkAnswer reads an answer of 40,000 containers by the library and as a stream.
func BenchmarkAnswer(b *testing.B) {
	var rows []string
	for i := range 40_000 {
		rows = append(rows, fmt.Sprintf(`{"metric":{"namespace":"tenant-%05d","pod":"kube-apiserver-6f7d8c9b5d-abcde","container":"kube-apiserver"},"value":[%s,"0.123456789%d"]}`, i, at, i))
	}
	content := vectorOf(rows...)
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		library := v1.NewAPI(canned(content))
		for b.Loop() {
			if _, _, err := library.Query(context.Background(), "up", time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for b.Loop() {
			sum := 0.0
			_, err := decode(strings.NewReader(content), vector, func(s *series) error { sum += s.Value.value; return nil })
			if err != nil || math.IsNaN(sum) {
				b.Fatal(err)
			}
		}
	})
}

// canned is a client of the API that always answers the same, in memory as the library's own client has it.
type canned string

var _ api.Client = canned("")

func (canned) URL(string, map[string]string) *url.URL { return &url.URL{} }

func (c canned) Do(context.Context, *http.Request) (*http.Response, []byte, error) {
	return &http.Response{StatusCode: http.StatusOK}, []byte(c), nil
}
