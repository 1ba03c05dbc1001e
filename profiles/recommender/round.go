package recommender

import (
	"context"
	"errors"
	"fmt"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
)

// round asks the source once, and gives every reading to whose it is.
func (r *Recommender) round(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	var failures []error
	_, err := r.Source.Read(asking, r.taker(asking, &failures, r.measured))
	if err != nil {
		err = fmt.Errorf("asking %s for usage: %w", r.Source.Name(), err)
	}
	return errors.Join(append(failures, err)...)
}

// measured tells whether a profile takes what is measured now: not before what was used before is there. Once it does, history
// is not asked for any more.
func (r *Recommender) measured(e *entry) bool {
	e.asked = !r.awaitsHistory(e, r.Clock.Now())
	return e.asked
}

// taker gives samples to whose they are, to those profiles that take them. Of a namespace whose pods cannot be read the error
// is kept, once.
func (r *Recommender) taker(ctx context.Context, failures *[]error, takes func(*entry) bool) func(sources.Sample) {
	failed := map[string]bool{}
	return func(s sources.Sample) {
		if failed[s.Namespace] || !r.Managed(s.Namespace) {
			return
		}
		if err := r.take(ctx, s, takes); err != nil {
			failed[s.Namespace] = true
			*failures = append(*failures, err)
		}
	}
}

// take gives one sample to the profiles of its workload that take it.
func (r *Recommender) take(ctx context.Context, sample sources.Sample, takes func(*entry) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	pods, err := r.whose.of(ctx, sample.Namespace)
	if err != nil {
		return err
	}
	pod, ok := pods[sample.Replica]
	if !ok {
		r.nobodys(sample)
		return nil
	}
	if !sample.Started.Present() {
		sample.Started = pod.startOf(sample.Container)
	}
	now := r.Clock.Now()
	for _, e := range r.memory.of(pod) {
		if !e.restored || !takes(e) {
			continue
		}
		c := e.container(sample.Container, r.Defaults)
		verdicts := c.state.Add(now, sample.Sample)
		if c.peer != nil {
			c.peer.Add(now, sample.Sample)
		}
		r.metrics.samples.WithLabelValues("cpu", verdicts.CPU.String()).Inc()
		r.metrics.samples.WithLabelValues("memory", verdicts.Memory.String()).Inc()
		if verdicts.CPU == profiles.Taken || verdicts.Memory == profiles.Taken {
			e.changed = true
			if sample.At.After(e.newest) {
				e.newest = sample.At
			}
		}
	}
	return nil
}

// nobodys counts the values of a sample of a pod without a workload.
func (r *Recommender) nobodys(sample sources.Sample) {
	if sample.CPU.Present() {
		r.metrics.samples.WithLabelValues("cpu", resultNobodys).Inc()
	}
	if sample.Memory.Present() {
		r.metrics.samples.WithLabelValues("memory", resultNobodys).Inc()
	}
}

// main gives the container that a ClusterScaler names as the workload's, and its bounds; "" where none does.
func (r *Recommender) main(w workload) (string, map[string]profiles.Bounds) {
	name, bounds := "", map[string]profiles.Bounds{}
	for _, components := range r.components[w.namespace] {
		for i := range components {
			c := &components[i]
			if w.target != v1alpha1.TargetOf(c.Target.Kind, c.Target.Name) {
				continue
			}
			if name == "" {
				name = c.Target.Container
			}
			least, most := sizes.BoundsFromAPI(c.Bounds)
			bounds[c.Target.Container] = profiles.Bounds{Min: least, Max: most}
		}
	}
	return name, bounds
}
