package exporter

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/scalers/signals"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// shares are the priority levels of Kubernetes with their nominal shares (apiserver/pkg/apis/flowcontrol/bootstrap).
var shares = []struct {
	level string
	share int
}{
	{"exempt", 0}, {"system", 30}, {"node-high", 40}, {"leader-election", 10},
	{"workload-high", 40}, {"workload-low", 100}, {"global-default", 20}, {"catch-all", 5},
}

const (
	sumOfShares = 245
	// What an idle kube-apiserver does: requests a second, and seats that they take.
	idleRequests = 5
	idleSeats    = 0.01
	// waitedPerRequest is not said by the signal, only how long is waited in all.
	waitedPerRequest = 1
	// What an idle tenant has.
	idleNodes, idlePods, idleOthers = 3, 12, 60
)

// Exporter keeps the counters. Its methods may be called from several goroutines.
type Exporter struct {
	mu       sync.Mutex
	counters map[string]counter // by row
	last     time.Time          // of the last page
}

// counter grows by what its rate is when it is looked at.
type counter struct {
	value float64
	at    time.Time
}

// New makes an Exporter.
func New() *Exporter { return &Exporter{counters: map[string]counter{}} }

// Page writes what the running containers of the pods tell at a time. A component for which skip holds tells nothing: it is
// real.
func (e *Exporter) Page(pods []*corev1.Pod, settings []Setting, now time.Time, skip func(namespace, component string) bool) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := page{before: e.counters, after: map[string]counter{}, last: e.last, now: now, rows: map[string]*bytes.Buffer{}}
	replicas := map[string]int{}
	for _, pod := range pods {
		for _, st := range pod.Status.ContainerStatuses {
			replicas[pod.Namespace+"/"+st.Name]++
		}
	}
	for _, pod := range pods {
		for _, st := range pod.Status.ContainerStatuses {
			if st.State.Running == nil {
				continue
			}
			c := container{page: &p, pod: pod, name: st.Name, restarts: st.RestartCount, settings: map[signals.Name]float64{}}
			for _, s := range settings {
				if s.matches(pod.Namespace, st.Name) {
					row, _ := signals.Of(s.Signal)
					if row.Across == signals.Sum {
						s.Amount /= float64(replicas[pod.Namespace+"/"+st.Name])
					}
					c.settings[s.Signal] = s.Amount
				}
			}
			c.write(skip(pod.Namespace, st.Name))
		}
	}
	e.counters, e.last = p.after, now
	return p.bytes()
}

// page is one page as it is written.
type page struct {
	before, after map[string]counter
	last, now     time.Time
	rows          map[string]*bytes.Buffer // by metric
}

// bytes gives the metrics one after the other, as the format wants.
func (p *page) bytes() []byte {
	var out bytes.Buffer
	for _, metric := range slices.Sorted(maps.Keys(p.rows)) {
		kind := "gauge"
		switch {
		case strings.HasSuffix(metric, "_total"):
			kind = "counter"
		case strings.HasSuffix(metric, "_sum"), strings.HasSuffix(metric, "_count"):
			kind = "untyped"
		}
		_, _ = fmt.Fprintf(&out, "# TYPE %s %s\n", metric, kind)
		_, _ = out.Write(p.rows[metric].Bytes())
	}
	return out.Bytes()
}

// container is one that tells.
type container struct {
	page     *page
	pod      *corev1.Pod
	name     string
	restarts int32
	settings map[signals.Name]float64
}

// gauge writes a row. Names of Kubernetes need no escaping; labels are written `,a="b"`.
func (c container) gauge(metric, labels string, value float64) {
	b := c.page.rows[metric]
	if b == nil {
		b = &bytes.Buffer{}
		c.page.rows[metric] = b
	}
	_, _ = fmt.Fprintf(b, "%s{namespace=%q,pod=%q,container=%q%s} %s\n", metric, c.pod.Namespace, c.pod.Name, c.name, labels,
		strconv.FormatFloat(value, 'g', -1, 64))
}

// counter writes a row that grows. A counter that has never counted has no row, unless it is there from the start. It begins
// anew with the process.
func (c container) counter(metric, labels string, perSecond float64, fromTheStart bool) {
	key := fmt.Sprintf("%s/%s/%d/%s%s", c.pod.UID, c.name, c.restarts, metric, labels)
	n, counts := c.page.before[key]
	if !counts && perSecond == 0 && !fromTheStart {
		return
	}
	switch {
	case counts:
		n.value += perSecond * c.page.now.Sub(n.at).Seconds()
	case !fromTheStart && !c.page.last.IsZero():
		n.value = perSecond * c.page.now.Sub(c.page.last).Seconds() // a row is born with its first count
	}
	n.at = c.page.now
	c.page.after[key] = n
	c.gauge(metric, labels, n.value)
}

// write writes all that the container tells. Of a real component only cAdvisor tells.
func (c container) write(isReal bool) {
	c.counter("container_pressure_memory_waiting_seconds_total", fmt.Sprintf(",id=\"/kubepods/pod%s/%s-%d\"", c.pod.UID, c.name, c.restarts),
		c.settings[signals.MemoryPressure], true)
	if isReal {
		return
	}
	switch c.name {
	case tenant.APIServer:
		c.writeServer()
		c.writeObjects()
		c.writeClients()
	case tenant.ControllerManager, tenant.Scheduler:
		c.writeClients()
	}
}

func (c container) writeServer() {
	seats := c.seats()
	taken, ok := c.settings[signals.Seats]
	if !ok {
		taken = idleSeats
	}
	var low float64
	for _, s := range shares {
		limit := math.Ceil(float64(seats*s.share) / sumOfShares)
		if s.level == "workload-low" {
			low = limit
		}
		c.gauge("apiserver_flowcontrol_nominal_limit_seats", fmt.Sprintf(",priority_level=%q", s.level), limit)
	}
	c.gauge("apiserver_flowcontrol_current_executing_seats", `,priority_level="workload-low",flow_schema="service-accounts"`, taken*low)
	c.gauge("apiserver_flowcontrol_current_executing_seats", `,priority_level="exempt",flow_schema="probes"`, 1)
	rejected := c.settings[signals.Rejections]
	c.counter("apiserver_flowcontrol_rejected_requests_total", `,priority_level="workload-low",flow_schema="service-accounts",reason="queue-full"`, rejected, false)
	c.gauge("apiserver_current_inflight_requests", `,request_kind="readOnly"`, math.Round(taken*low))
	c.gauge("apiserver_current_inflight_requests", `,request_kind="mutating"`, 0)
	request := func(code string, perSecond float64, fromTheStart bool) {
		c.counter("apiserver_request_total", fmt.Sprintf(`,verb="LIST",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="cluster",component="apiserver",code=%q`, code),
			perSecond, fromTheStart)
	}
	request("200", idleRequests, true)
	// What is rejected is answered 429; more of them may be said to be.
	request("429", max(rejected, c.settings[signals.TooManyRequests]), false)
}

// seats are those of the pod's own flags.
func (c container) seats() int {
	seats := 0
	for _, spec := range c.pod.Spec.Containers {
		if spec.Name != c.name {
			continue
		}
		for _, arg := range append(slices.Clone(spec.Command), spec.Args...) {
			for _, flag := range []string{"--max-requests-inflight=", "--max-mutating-requests-inflight="} {
				if text, ok := strings.CutPrefix(arg, flag); ok {
					n, err := strconv.Atoi(text)
					if err == nil {
						seats += n
					}
				}
			}
		}
	}
	return seats
}

// writeObjects writes counts that come to what is set: nodes and pods as they are, a custom resource that is the largest, and
// ConfigMaps for what is left.
func (c container) writeObjects() {
	get := func(signal signals.Name, otherwise float64) float64 {
		if n, ok := c.settings[signal]; ok {
			return math.Round(n)
		}
		return otherwise
	}
	nodes, pods := get(signals.Nodes, idleNodes), get(signals.Pods, idlePods)
	largest := get(signals.LargestResource, 0)
	objects := get(signals.Objects, nodes+pods+largest+idleOthers)
	namespaces := min(4, objects)
	counts := map[string]float64{`,group="",resource="nodes"`: nodes, `,group="",resource="pods"`: pods, `,group="",resource="namespaces"`: namespaces}
	if largest > 0 {
		counts[`,group="example.com",resource="widgets"`] = largest
	}
	counts[`,group="",resource="configmaps"`] = max(0, objects-nodes-pods-namespaces-largest)
	for _, labels := range slices.Sorted(maps.Keys(counts)) {
		c.gauge("apiserver_resource_objects", labels, counts[labels])
	}
}

func (c container) writeClients() {
	waits := c.settings[signals.ClientThrottling]
	labels := `,verb="GET",host="kube-apiserver:6443"`
	c.counter("rest_client_rate_limiter_duration_seconds_sum", labels, waits, true)
	c.counter("rest_client_rate_limiter_duration_seconds_count", labels, waits/waitedPerRequest, true)
}
