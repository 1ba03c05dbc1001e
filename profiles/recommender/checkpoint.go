package recommender

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	applyv1alpha1 "github.com/metapilot/metapilot/apis/v1alpha1/applyconfiguration/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/vpa"
)

// pageSize is how many profiles are read at a time.
const pageSize = 500

// urgentAfter is for how long a checkpoint with an OOM kill waits at most.
const urgentAfter = time.Minute

// restoreAll reads every profile and its checkpoint.
func (r *Recommender) restoreAll(ctx context.Context) (n int, err error) {
	list := &v1alpha1.WorkloadProfileList{}
	for {
		if err := r.Live.List(ctx, list, client.Limit(pageSize), client.Continue(list.Continue)); err != nil {
			return n, fmt.Errorf("reading profiles: %w", err)
		}
		for i := range list.Items {
			r.restore(&list.Items[i])
			n++
		}
		if list.Continue == "" {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.started = true
			return n, nil
		}
	}
}

// restoreLate reads the checkpoints of profiles that came later, such as those of a backup.
func (r *Recommender) restoreLate(ctx context.Context) error {
	r.mu.Lock()
	var late []*entry
	for _, e := range r.memory.byKey {
		if !e.restored {
			late = append(late, e)
		}
	}
	r.mu.Unlock()
	for _, e := range late {
		var p v1alpha1.WorkloadProfile
		if err := r.Live.Get(ctx, e.key, &p); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading profile %s: %w", e.key, err)
		} else if err != nil {
			continue
		}
		r.restore(&p)
	}
	return nil
}

// restore takes a profile's checkpoint into memory. A damaged one, or one that knows less than what is there, changes
// nothing; a damaged one is logged, and will be written over.
func (r *Recommender) restore(p *v1alpha1.WorkloadProfile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.memory.see(p, r.Defaults)
	defer e.open(r.Clock.Now(), r.Defaults)
	if e.writtenGeneration == 0 {
		e.written, e.writtenGeneration = p.Status.Containers, p.Status.ObservedGeneration
		for _, c := range p.Status.Conditions {
			switch c.Type {
			case v1alpha1.ConditionSignalsFresh:
				e.fresh = freshness{reason: c.Reason, since: c.LastTransitionTime.Time}
			case v1alpha1.ConditionHistoryRead:
				e.history = historyRead{reason: c.Reason, message: c.Message, since: c.LastTransitionTime.Time, written: c.Reason}
			}
		}
	}
	if p.Status.Checkpoint == nil {
		return
	}
	e.saved = p.Status.Checkpoint.Time.Time
	for _, saved := range p.Status.Checkpoint.Containers {
		outcome := outcomeOK
		if err := r.restoreContainer(e, saved); err != nil {
			outcome = outcomeError
			r.Log.Error(err, "checkpoint left aside", "profile", e.key, "container", saved.Name)
		}
		r.metrics.restored.WithLabelValues(outcome).Inc()
	}
}

func (r *Recommender) restoreContainer(e *entry, saved v1alpha1.ContainerCheckpoint) error {
	header, err := profiles.ReadHeader(saved.Data)
	if err != nil {
		return err
	}
	c := e.container(saved.Name, r.Defaults)
	err = c.state.Restore(saved.Data)
	switch {
	case errors.Is(err, profiles.ErrKnowsLess):
	case err != nil:
		return err
	default:
		c.saved = header
	}
	if last, ok := c.state.Last().Get(); ok && last.After(e.newest) {
		e.newest = last
	}
	if c.peer == nil || len(saved.VPA) == 0 {
		return nil
	}
	peer := vpa.New(len(e.containers))
	if err := peer.Restore(saved.VPA); err != nil {
		return fmt.Errorf("the state of algorithm VPA: %w", err)
	}
	c.peer = peer
	return nil
}

// due tells whether a profile's checkpoint is to be written: once an interval, at a moment of its own so that the fleet's
// are spread evenly, or soon after a kill.
func (r *Recommender) due(e *entry, now time.Time) bool {
	switch {
	case !e.changed || !e.restored:
		return false
	case e.urgent && now.Sub(e.saved) >= urgentAfter:
		return true
	}
	phase := time.Duration(spread(e.uid)) * time.Second % r.CheckpointInterval
	turn := now.Add(-phase).Truncate(r.CheckpointInterval).Add(phase)
	return e.saved.Before(turn)
}

// checkpoint makes a profile's checkpoint. It gives nil where that would know less than the one that is there.
func (r *Recommender) checkpoint(e *entry, now time.Time) (*applyv1alpha1.ProfileCheckpointApplyConfiguration, map[string]profiles.Header, error) {
	out := applyv1alpha1.ProfileCheckpoint().WithTime(metav1.NewTime(now))
	headers := map[string]profiles.Header{}
	for i, name := range e.names("") {
		if i == maxContainers {
			break
		}
		c := e.containers[name]
		header := c.state.Header()
		if !header.Covers(c.saved) {
			return nil, nil, fmt.Errorf("container %s: the checkpoint that is there knows more (%d values until %s) than this one (%d until %s)",
				name, c.saved.Counts.Taken, c.saved.Last, header.Counts.Taken, header.Last)
		}
		headers[name] = header
		saved := applyv1alpha1.ContainerCheckpoint().WithName(name).WithData(c.state.AppendCheckpoint(nil)...)
		if c.peer != nil {
			data, err := c.peer.AppendCheckpoint(nil)
			if err != nil {
				return nil, nil, fmt.Errorf("container %s: %w", name, err)
			}
			saved.WithVPA(data...)
		}
		out.WithContainers(saved)
	}
	return out, headers, nil
}

// save writes a profile's checkpoint.
func (r *Recommender) save(ctx context.Context, e *entry, now time.Time) error {
	r.mu.Lock()
	c, headers, err := r.checkpoint(e, now)
	history := r.historyCondition(e, now)
	changed, urgent, key, uid := e.changed, e.urgent, e.key, e.uid
	e.changed, e.urgent = false, false
	r.mu.Unlock()
	if err == nil {
		status := applyv1alpha1.WorkloadProfileStatus().WithCheckpoint(c)
		if history != nil {
			status.WithConditions(history)
		}
		object := applyv1alpha1.WorkloadProfile(key.Name, key.Namespace).WithUID(uid).WithStatus(status)
		err = r.Client.Status().Apply(ctx, object, checkpointOwner, client.ForceOwnership)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		e.changed, e.urgent = changed, urgent
		return fmt.Errorf("writing the checkpoint of profile %s: %w", key, err)
	}
	if e.uid != uid {
		return nil
	}
	e.saved = now
	if history != nil {
		e.history.written = *history.Reason
	}
	for name, header := range headers {
		if c := e.containers[name]; c != nil {
			c.saved = header
		}
	}
	return nil
}
