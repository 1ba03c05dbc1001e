package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const heartbeat = 30 * time.Second

// Kill is one OOM kill and what was seen after it.
type Kill struct {
	Tenant string `json:"tenant"`
	Pod    string `json:"pod"`
	// ReportedAt is when the API server had accepted the status with the kill.
	ReportedAt time.Time `json:"reportedAt"`
	// AcceptSeconds is how long the API server took to accept it.
	AcceptSeconds float64 `json:"acceptSeconds"`
	// FirstSeconds is the time from ReportedAt until a pod's specification had a larger memory limit; nil is not in time.
	FirstSeconds *float64 `json:"firstSeconds"`
	// AllSeconds is the time until all replicas had one; nil is not in time.
	AllSeconds *float64 `json:"allSeconds"`
	FromBytes  int64    `json:"fromBytes"`
	ToBytes    int64    `json:"toBytes"` // the largest at the end; FromBytes if none has grown
	// Evicted is how many of the tenant's pods of the component were replaced after the kill.
	Evicted int `json:"evicted"`
	// Restarts is how often their containers were restarted but by the kill itself.
	Restarts int `json:"restarts"`

	killed types.UID
	before []observe.Pod
}

// measure gives the kills, waits for the answers, and draws up the result.
func (w *world) measure(ctx context.Context) (*Result, error) {
	w.title("%d OOM kills for each, in the same moments, over %s", w.options.ooms, w.options.spread)
	machine := describeMachine()
	before := w.observer.Pods(func(observe.Pod) bool { return true })
	began := time.Now()
	kills, err := w.killAndWait(ctx)
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	touched := map[string]int{}
	for _, s := range setups() {
		for _, k := range kills[s.name] {
			w.aftermath(k)
		}
		touched[s.name] = w.touchedBystanders(s, before)
	}
	log, err := os.Open(filepath.Join(w.dir, auditLog))
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	defer log.Close()
	requests, err := countRequests(log, began, ended)
	if err != nil {
		return nil, err
	}
	return &Result{
		Began: began.UTC(), Ended: ended.UTC(), Machine: machine, Versions: w.versions(), Component: component, Replicas: replicas,
		TenantsPerSetup: w.options.tenants, OOMsPerSetup: w.options.ooms, SpreadSeconds: w.options.spread.Seconds(), TimeoutSeconds: w.options.timeout.Seconds(),
		Setups: summariseAll(kills, touched, w.options.timeout.Seconds()), Requests: requestRows(requests, w.options.tenants, ended.Sub(began)),
	}, nil
}

// killAndWait gives each setup a kill at the same moments, and returns when all are answered or time is up.
func (w *world) killAndWait(ctx context.Context) (map[string][]*Kill, error) {
	kills := map[string][]*Kill{}
	pending := w.newPending()
	stop := pending.report(w.narrator)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for i, moment := range moments(w.options.ooms, w.options.spread) {
		timer := time.NewTimer(time.Until(began.Add(moment)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(group.Wait(), context.Cause(ctx))
		case <-timer.C:
		}
		if err := w.alive(); err != nil {
			return nil, err
		}
		for _, s := range setups() {
			k := &Kill{Tenant: w.tenants[s.name][i]}
			kills[s.name] = append(kills[s.name], k)
			group.Go(func() error {
				defer pending.done()
				return w.killOne(ctx, k)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return kills, w.alive()
}

// moments are when to kill, after the start: one in each equal part of the spread, at a place within it that steps by the
// golden ratio. Were they equally far from each other, they might always meet a scaler's beat at the same place.
func moments(count int, spread time.Duration) []time.Duration {
	const golden = 0.618034
	part := float64(spread) / float64(count)
	out := make([]time.Duration, count)
	for i := range out {
		_, place := math.Modf(float64(i) * golden)
		out[i] = time.Duration(part * (float64(i) + place))
	}
	return out
}

// killOne has one container killed and fills in what was seen until all replicas have grown, or time is up.
func (w *world) killOne(ctx context.Context, k *Kill) error {
	k.before = w.observer.Pods(podsOf(k.Tenant))
	if len(k.before) != replicas {
		return fmt.Errorf("%s has %d pods of %s before the kill, not %d", k.Tenant, len(k.before), component, replicas)
	}
	victim := k.before[0]
	k.Pod, k.killed, k.FromBytes = victim.Name, victim.UID, victim.Memory[component]
	// The status that is reported has the container running again, and the kill as its last state: the kubelet often reports
	// no other.
	done, err := w.box.OOM(ctx, k.Tenant, k.Pod, sandbox.OOMOptions{Container: component, Coalesce: kubelet.ToRestarted})
	if err != nil {
		return err
	}
	k.ReportedAt, k.AcceptSeconds = done.Accepted, done.Accepted.Sub(done.Sent).Seconds()
	deadline, cancel := context.WithDeadline(ctx, k.ReportedAt.Add(w.options.timeout))
	defer cancel()
	_, err = w.observer.WaitFor(deadline, podsOf(k.Tenant), func(pods []observe.Pod) bool {
		first, all := grown(pods, k.FromBytes)
		if k.FirstSeconds == nil && !first.IsZero() {
			k.FirstSeconds = new(first.Sub(k.ReportedAt).Seconds())
		}
		if !all.IsZero() {
			k.AllSeconds = new(all.Sub(k.ReportedAt).Seconds())
		}
		return k.AllSeconds != nil
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.say("%s", k.line(w.options.timeout))
	return nil
}

// podsOf matches the pods of a tenant's component that are to stay.
func podsOf(namespace string) func(observe.Pod) bool {
	of := observe.Of(namespace, tenant.ComponentLabel, component)
	return func(p observe.Pod) bool { return !p.Terminating && of(p) }
}

// grown gives when the first of the pods was seen with a memory limit above one, and when the last was; zero is not yet. All
// have grown only when there are as many as there should be.
func grown(pods []observe.Pod, above int64) (first, all time.Time) {
	count := 0
	var last time.Time
	for _, p := range pods {
		i := slices.IndexFunc(p.Sizes[component], func(s observe.Sized) bool { return s.Memory > above })
		if i < 0 {
			continue
		}
		count++
		at := p.Sizes[component][i].At
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	if count == len(pods) && count >= replicas {
		all = last
	}
	return first, all
}

// aftermath fills in what a kill's tenant has come to at the end of the run.
func (w *world) aftermath(k *Kill) {
	now := w.observer.Pods(podsOf(k.Tenant))
	k.ToBytes = k.FromBytes
	for _, p := range now {
		k.ToBytes = max(k.ToBytes, p.Memory[component])
		k.Restarts += int(p.Restarts[component])
	}
	for _, old := range k.before {
		i := slices.IndexFunc(now, func(p observe.Pod) bool { return p.UID == old.UID })
		if i < 0 {
			k.Evicted++
			continue
		}
		k.Restarts -= int(old.Restarts[component])
		if old.UID == k.killed {
			k.Restarts-- // the kill's own
		}
	}
}

// touchedBystanders counts the pods of a scaler's other tenants, and of the other components of those that were hit, that
// were replaced or changed their size.
func (w *world) touchedBystanders(s setup, before []observe.Pod) (touched int) {
	mine, hit := w.tenants[s.name], w.tenants[s.name][:w.options.ooms]
	now := map[types.UID]observe.Pod{}
	for _, p := range w.observer.Pods(func(observe.Pod) bool { return true }) {
		now[p.UID] = p
	}
	for _, old := range before {
		if !slices.Contains(mine, old.Namespace) || slices.Contains(hit, old.Namespace) && old.Labels[tenant.ComponentLabel] == component {
			continue
		}
		if p, there := now[old.UID]; !there || p.Terminating || !maps.Equal(p.Memory, old.Memory) {
			touched++
		}
	}
	return touched
}

func (k *Kill) line(timeout time.Duration) string {
	switch {
	case k.AllSeconds != nil:
		return fmt.Sprintf("%-18s first %s, all %s", k.Tenant, seconds(*k.FirstSeconds), seconds(*k.AllSeconds))
	case k.FirstSeconds != nil:
		return fmt.Sprintf("%-18s first %s, all not within %s", k.Tenant, seconds(*k.FirstSeconds), timeout)
	}
	return fmt.Sprintf("%-18s none within %s", k.Tenant, timeout)
}

// pending says from time to time how many answers are still waited for.
type pending struct {
	mu   sync.Mutex
	left int
}

func (w *world) newPending() *pending {
	return &pending{left: w.options.ooms * len(setups())}
}

func (p *pending) done() {
	p.mu.Lock()
	p.left--
	p.mu.Unlock()
}

// report says it until stop is called.
func (p *pending) report(n *narrator) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				p.mu.Lock()
				left := p.left
				p.mu.Unlock()
				n.say("… %d kills are still to come or not answered for all replicas", left)
			}
		}
	}()
	return func() { close(quit); <-ended }
}
