package signals_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	client "github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/scalers/signals"
	"github.com/metapilot/metapilot/test/sandbox"
)

const (
	scrape = time.Second
	window = 4 * time.Second
)

var (
	box    *sandbox.Sandbox
	tenant string // a simulated one
)

func TestSignals(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(60 * time.Second)
	SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	RunSpecs(t, "signals")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{
		Controllers: true, Nodes: 1, Prometheus: true, ScrapeInterval: scrape, RealTenants: 1, Progress: os.Stderr,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		state, err := box.State()
		Expect(err).NotTo(HaveOccurred())
		Expect(box.Stop()).To(Succeed())
		names := map[string]bool{}
		for _, c := range state.Components {
			names[c.Name] = true
			Expect(c.Process.Alive()).To(BeFalse(), "%s is left", c.Name)
		}
		Expect(names).To(And(HaveKey("kube-apiserver.real-0001"), HaveKey("etcd.real-0001")))
	})
	names, err := box.AddTenants(ctx, sandbox.TenantOptions{Count: 1, StartIndex: 1})
	Expect(err).NotTo(HaveOccurred())
	tenant = names[0]
	Expect(box.WaitTenantsReady(ctx, names...)).To(Succeed())
})

// collect runs a collector of all tenants until the test ends.
func collect(matchers ...prometheus.Matcher) *signals.Collector {
	GinkgoHelper()
	settings := prometheus.Settings{Address: box.PrometheusURL(), Matchers: matchers}
	querier, err := prometheus.NewQuerier(settings, clock.RealClock{})
	Expect(err).NotTo(HaveOccurred())
	c, err := signals.New(signals.Options{
		Ask: querier.Query, Matchers: settings.Selector(), Interval: scrape, Window: window,
		Managed: func(namespace string) bool { return namespace != "kube-system" },
		Clock:   clock.RealClock{}, Log: GinkgoLogr, Metrics: client.NewRegistry(),
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer GinkgoRecover()
		Expect(c.Start(ctx)).To(Succeed())
	}()
	DeferCleanup(func() { cancel(); <-done })
	return c
}

// amount gives a signal, or an error where it is not known.
func amount(c *signals.Collector, namespace, component string, signal signals.Name) func() (float64, error) {
	return func() (float64, error) {
		v, ok := c.Lookup(namespace, component, signal)
		if !ok {
			_, err := c.Fresh(signal)
			return 0, errors.Join(fmt.Errorf("%s of %s/%s is unknown", signal, namespace, component), err)
		}
		return v.Amount, nil
	}
}

// point is a value of a series at a time.
type point struct {
	at    float64 // Unix seconds
	value float64
}

// ask asks Prometheus a query of which the answer has one series at most; at is the time of evaluation, 0 for now.
func ask(ctx context.Context, query string, at float64) []point {
	GinkgoHelper()
	form := url.Values{"query": {query}}
	if at > 0 {
		form.Set("time", strconv.FormatFloat(at, 'f', 3, 64))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, box.PrometheusURL()+"/api/v1/query", strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Value  []any
				Values [][]any
			}
		}
	}
	Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	Expect(answer.Error).To(BeEmpty(), query)
	if len(answer.Data.Result) == 0 {
		return nil
	}
	Expect(answer.Data.Result).To(HaveLen(1), query)
	series := answer.Data.Result[0]
	if series.Value != nil {
		series.Values = [][]any{series.Value}
	}
	var points []point
	for _, v := range series.Values {
		value, err := strconv.ParseFloat(v[1].(string), 64)
		Expect(err).NotTo(HaveOccurred())
		points = append(points, point{at: v[0].(float64), value: value})
	}
	return points
}
