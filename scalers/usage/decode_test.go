package usage

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const fleetAnswer = `{"kind":"PodMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
{"metadata":{"name":"etcd-0","namespace":"t1","labels":{"a":"b"}},"timestamp":"2026-11-24T12:00:00Z","window":"15s","containers":[
  {"name":"etcd","usage":{"cpu":"12345678n","memory":"34567Ki"}},{"name":"side","usage":{"cpu":"1n"}}]},
{"metadata":{"name":"etcd-0","namespace":"t2"},"timestamp":null,"window":"often","containers":[{"name":"etcd","usage":{"cpu":1,"memory":1e6}}]},
{"metadata":{"name":"etcd-0","namespace":"t3"},"timestamp":"yesterday","containers":[{"name":"etcd","usage":{}}]},
{"metadata":{"name":"none","namespace":"t4"},"timestamp":"2026-11-24T12:00:00Z","containers":[]}]}`

func readings(content string) ([]Reading, error) {
	var got []Reading
	err := decode(strings.NewReader(content), func(r Reading) { got = append(got, r) })
	return got, err
}

func TestDecode(t *testing.T) {
	etcd := Reading{Namespace: "t1", Pod: "etcd-0", Container: "etcd", MeasuredAt: noon, Window: 15 * time.Second, CPU: "12345678n", Memory: "34567Ki"}
	for name, tc := range map[string]struct {
		content string
		want    []Reading
		wantErr string
	}{
		"what metrics-server answers": {
			content: fleetAnswer,
			want: []Reading{
				etcd,
				{Namespace: "t1", Pod: "etcd-0", Container: "side", MeasuredAt: noon, Window: 15 * time.Second, CPU: "1n"},
				{Namespace: "t2", Pod: "etcd-0", Container: "etcd", CPU: "1", Memory: "1e6"},
				{Namespace: "t3", Pod: "etcd-0", Container: "etcd"},
			},
		},
		"an empty fleet":   {content: `{"items":[]}`},
		"null items":       {content: `{"items":null,"kind":"x"}`},
		"no items at all":  {content: `{"kind":"Status"}`, wantErr: "the answer has no items"},
		"an empty answer":  {content: ``, wantErr: "EOF"},
		"a page of HTML":   {content: `<html>`, wantErr: "invalid character"},
		"another JSON":     {content: `[1]`, wantErr: "[ where { is expected"},
		"items is no list": {content: `{"items":5}`, wantErr: "items: 5 where a list is expected"},
		"cut off: what was read counts": {
			content: fleetAnswer[:strings.Index(fleetAnswer, `{"metadata":{"name":"etcd-0","namespace":"t2"`)+20],
			want:    []Reading{etcd, {Namespace: "t1", Pod: "etcd-0", Container: "side", MeasuredAt: noon, Window: 15 * time.Second, CPU: "1n"}},
			wantErr: "unexpected EOF",
		},
		"a mistyped pod is skipped": {
			content: `{"items":[{"metadata":5},{"metadata":{"name":"etcd-0","namespace":"t1"},"timestamp":"2026-11-24T12:00:00Z","window":"15s","containers":[{"name":"etcd","usage":{"cpu":"12345678n","memory":"34567Ki"}}]}]}`,
			want:    []Reading{etcd},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readings(tc.content)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
			if (err == nil) != (tc.wantErr == "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("error %v, want %q", err, tc.wantErr)
			}
		})
	}
}

// FuzzDecode: whatever the source answers, reading it ends without a panic.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{fleetAnswer, "", "{", `{"items":[{}]}`, `{"items":[null]}`, `{"items":{}}`, `{"a":[[[`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, content string) { _, _ = readings(content) })
}

// BenchmarkDecode reads the answer for 10,000 pods of two containers.
func BenchmarkDecode(b *testing.B) {
	item := `{"metadata":{"name":"kube-apiserver-6f7d8c9b5d-abcde","namespace":"t%d","creationTimestamp":"2026-11-24T12:00:00Z","labels":{"app":"kube-apiserver","pod-template-hash":"6f7d8c9b5d"}},"timestamp":"2026-11-24T12:00:00Z","window":"15.2s","containers":[{"name":"kube-apiserver","usage":{"cpu":"12345678n","memory":"34567Ki"}},{"name":"konnectivity","usage":{"cpu":"12345678n","memory":"34567Ki"}}]}`
	var s strings.Builder
	s.WriteString(`{"kind":"PodMetricsList","items":[`)
	for i := range 10_000 {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, item, i)
	}
	s.WriteString("]}")
	b.SetBytes(int64(s.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := decode(io.Reader(strings.NewReader(s.String())), func(Reading) { n++ }); err != nil || n != 20_000 {
			b.Fatal(n, err)
		}
	}
}
