package signals

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	client "github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/profiles/sources/prometheus"
)

// BenchmarkAsk reads the answer to one query for 10,000 tenants with two API servers each, every one managed.
func BenchmarkAsk(b *testing.B) {
	var answer bytes.Buffer
	answer.WriteString(`{"status":"success","data":{"resultType":"vector","result":[`)
	comma := ""
	for i := range 10_000 {
		namespace := fmt.Sprintf("tenant-%04d", i)
		for _, pod := range []string{"kube-apiserver-7b5998b7d5-gmmxb", "kube-apiserver-7b5998b7d5-rgvhd"} {
			answer.WriteString(comma + value(namespace, pod, "kube-apiserver", "0.25") + "," + scraped(namespace, pod, "kube-apiserver", noon))
			comma = ","
		}
	}
	answer.WriteString(`]}}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer.Bytes()) }))
	defer server.Close()
	clock := clocktesting.NewFakeClock(noon)
	querier, err := prometheus.NewQuerier(prometheus.Settings{Address: server.URL}, clock)
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(Options{
		Ask: querier.Query, Interval: 30 * time.Second, Window: 2 * time.Minute, Clock: clock, Log: logr.Discard(), Metrics: client.NewRegistry(),
		Managed: func(namespace string) bool { return strings.HasPrefix(namespace, "tenant-") },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(answer.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.ask(b.Context(), c.states[0]); err != nil {
			b.Fatal(err)
		}
	}
	if n := c.states[0].known.count(); n != 10_000 {
		b.Fatalf("%d values", n)
	}
}
