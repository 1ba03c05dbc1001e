package recommender

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
)

// +kubebuilder:rbac:groups=metapilot.dev,resources=workloadprofiles,verbs=get;list;watch
// +kubebuilder:rbac:groups=metapilot.dev,resources=workloadprofiles/status,verbs=patch
// +kubebuilder:rbac:groups=metapilot.dev,resources=clusterscalers,verbs=get;list;watch

// Name of the controller.
const Name = "profile-recommender"

const (
	// turns is in how many rounds every profile has its turn to be sized.
	turns = 5
	// writers is how many writes are under way at a time.
	writers = 8
	// lastWords is how long the checkpoints may take that are written at the end.
	lastWords = 20 * time.Second
	// retryRestore is the time between two tries to read the checkpoints.
	retryRestore = 5 * time.Second
)

// Recommender fills WorkloadProfiles. It runs on the leader. All fields are required.
type Recommender struct {
	// Client writes. Live reads from the API server.
	Client client.Client
	Live   client.Reader
	// Source is asked once an interval. History, where there is one, gives what was used before the first round.
	Source  sources.Source
	History sources.Historian
	// HistorySpan is how far back it is read where nothing is known yet.
	HistorySpan time.Duration
	Fleet       Fleet
	// Managed tells which namespaces are measured, Tenants how many they are.
	Managed func(namespace string) bool
	Tenants func() int
	Clock   clock.Clock
	Log     logr.Logger
	// Metrics is where metrics are registered.
	Metrics prometheus.Registerer

	Interval, Timeout time.Duration
	// CheckpointInterval is the time between two checkpoints of a profile.
	CheckpointInterval time.Duration
	// StaleAfter is the age of the newest sample from which a profile is stale.
	StaleAfter time.Duration
	// TolerancePercent is by how much an amount moves before the status is written.
	TolerancePercent int32
	// WritesPerSecond bounds the writes.
	WritesPerSecond int
	Defaults        Defaults

	metrics *metrics
	limiter *rate.Limiter

	mu         sync.Mutex
	memory     *memory
	whose      *whose
	components map[string]map[types.UID][]v1alpha1.Component
	// shown are the kills that each pod shows and that were taken down.
	shown   map[types.UID][]oom.Key
	rounds  uint32
	started bool // all checkpoints of the start were read
	// reading is the reading of history that is under way; lateBegun is when the latest began that was of profiles that
	// came later.
	reading   *reading
	lateBegun time.Time
}

// Prepare makes what is kept in memory. It must be called once, before anything else.
func (r *Recommender) Prepare() error {
	m, err := newMetrics(r.Metrics)
	if err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	r.metrics, r.memory, r.whose = m, newMemory(), newWhose(r.Fleet)
	r.components, r.shown = map[string]map[types.UID][]v1alpha1.Component{}, map[types.UID][]oom.Key{}
	r.limiter = rate.NewLimiter(rate.Limit(r.WritesPerSecond), r.WritesPerSecond)
	return nil
}

// Start reads what was learnt before, and then measures until ctx ends. What was not written until then is written last.
func (r *Recommender) Start(ctx context.Context) error {
	begun := r.Clock.Now()
	for {
		n, err := r.restoreAll(ctx)
		if err == nil {
			r.Log.Info("profiles restored", "profiles", n, "seconds", r.Clock.Since(begun).Seconds())
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		r.Log.Error(err, "restoring profiles; nothing is measured before")
		if !r.wait(ctx, retryRestore) {
			return nil
		}
	}
	if !r.readHistory(ctx) {
		return r.lastWords(ctx)
	}
	for {
		switch err := r.Once(ctx); {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, sources.ErrHeld):
			r.Log.V(1).Info("not measured", "because", err.Error())
		default:
			r.Log.Error(err, "measuring")
		}
		if !r.wait(ctx, r.Interval) {
			break
		}
	}
	return r.lastWords(ctx)
}

// lastWords writes what is not written yet, when ctx has ended.
func (r *Recommender) lastWords(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	return r.Flush(last)
}

func (r *Recommender) wait(ctx context.Context, d time.Duration) bool {
	timer := r.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// Once is one round: measure, size the profiles whose turn it is, write what has moved and what is due.
func (r *Recommender) Once(ctx context.Context) error {
	if err := r.restoreLate(ctx); err != nil {
		return err
	}
	historyErr, roundErr := r.measure(ctx)
	// Whatever does not get its turn to be written within the interval is looked at again in the next round.
	writing, cancel := context.WithTimeout(ctx, r.Interval)
	defer cancel()
	if err := r.writeAll(writing, r.size()); err != nil && writing.Err() == nil {
		return err
	}
	return errors.Join(historyErr, roundErr)
}

// measure asks for what is used now, and for the history of profiles that came later: after it, or before it where it left no
// query over.
func (r *Recommender) measure(ctx context.Context) (historyErr, roundErr error) {
	if r.historyFirst() {
		historyErr = r.lateHistory(ctx)
		return historyErr, r.round(ctx)
	}
	roundErr = r.round(ctx)
	return r.lateHistory(ctx), roundErr
}

// work is what is to be written in a round.
type work struct {
	statuses    []recommendation
	checkpoints []*entry
}

// size runs the algorithms of the profiles whose turn it is.
func (r *Recommender) size() work {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	r.rounds++
	var w work
	stale, unread := 0, 0
	for _, e := range r.memory.byKey {
		if e.freshReason(now, r.StaleAfter) != reasonFresh {
			stale++
		}
		if !e.restored {
			continue
		}
		if r.awaitsHistory(e, now) && r.Managed(e.key.Namespace) {
			unread++
		}
		if e.writtenGeneration != e.generation || e.urgent || spread(e.uid)%turns == r.rounds%turns {
			if rec, worth := r.recommend(e, now); worth {
				w.statuses = append(w.statuses, rec)
			}
		}
		if r.due(e, now) {
			w.checkpoints = append(w.checkpoints, e)
		}
	}
	r.metrics.profiles.Set(float64(len(r.memory.byKey)))
	r.metrics.stale.Set(float64(stale))
	r.metrics.unread.Set(float64(unread))
	// Those that were OOM-killed go first.
	slices.SortStableFunc(w.statuses, func(a, b recommendation) int { return urgentFirst(a.entry, b.entry) })
	slices.SortStableFunc(w.checkpoints, urgentFirst)
	return w
}

func urgentFirst(a, b *entry) int {
	switch {
	case a.urgent == b.urgent:
		return 0
	case a.urgent:
		return -1
	default:
		return 1
	}
}

// spread gives each profile a number of its own, by which the fleet's work is spread evenly over time.
func spread(uid types.UID) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(uid))
	return h.Sum32()
}

// writeAll writes, at the bounded rate. An error of one profile does not keep the others from being written.
func (r *Recommender) writeAll(ctx context.Context, w work) error {
	var group errgroup.Group
	group.SetLimit(writers)
	waiting := len(w.statuses) + len(w.checkpoints)
	var failures failures
	each := func(part string, write func() error) bool {
		r.metrics.waiting.Set(float64(waiting))
		if err := r.limiter.Wait(ctx); err != nil {
			return false
		}
		waiting--
		group.Go(func() error {
			err := write()
			outcome := outcomeOK
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				err = nil // it was deleted, or is another one by now
			}
			if err != nil {
				outcome = outcomeError
				failures.add(err)
			}
			r.metrics.writes.WithLabelValues(part, outcome).Inc()
			return nil
		})
		return true
	}
	for _, rec := range w.statuses {
		if !each("status", func() error { return r.writeStatus(ctx, rec) }) {
			break
		}
	}
	for _, e := range w.checkpoints {
		if !each("checkpoint", func() error { return r.save(ctx, e, r.Clock.Now()) }) {
			break
		}
	}
	_ = group.Wait() // the functions give no error: failures has them
	r.metrics.waiting.Set(float64(waiting))
	return failures.err()
}

func (r *Recommender) writeStatus(ctx context.Context, rec recommendation) error {
	if err := r.write(ctx, rec); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.entry.uid == rec.uid { // else it was made anew meanwhile, and nothing of it is written
		rec.entry.written, rec.entry.writtenGeneration, rec.entry.fresh = rec.containers, rec.generation, rec.fresh
	}
	return nil
}

// Flush writes the checkpoints of all profiles about which something new is known.
func (r *Recommender) Flush(ctx context.Context) error {
	w := r.unsaved()
	r.limiter.SetLimit(rate.Inf)
	err := r.writeAll(ctx, w)
	r.Log.Info("checkpoints written at the end", "profiles", len(w.checkpoints))
	return err
}

// unsaved is the checkpoints of all profiles about which something new is known, those first that were saved the longest
// ago.
func (r *Recommender) unsaved() work {
	r.mu.Lock()
	defer r.mu.Unlock()
	var w work
	for _, e := range r.memory.byKey {
		if e.changed && e.restored {
			w.checkpoints = append(w.checkpoints, e)
		}
	}
	slices.SortFunc(w.checkpoints, func(a, b *entry) int { return a.saved.Compare(b.saved) })
	return w
}

// ProfileSeen takes down a profile that was made or changed.
func (r *Recommender) ProfileSeen(p *v1alpha1.WorkloadProfile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.memory.see(p, r.Defaults)
	if r.started && !e.restored && p.Status.Checkpoint == nil {
		e.open(r.Clock.Now(), r.Defaults)
	}
}

// ProfileGone drops a profile that was deleted.
func (r *Recommender) ProfileGone(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory.forget(key)
}

// ScalerSeen takes down a ClusterScaler: it says which container is a component's, and its bounds.
func (r *Recommender) ScalerSeen(s *v1alpha1.ClusterScaler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.components[s.Namespace]
	if of == nil {
		of = map[types.UID][]v1alpha1.Component{}
		r.components[s.Namespace] = of
	}
	of[s.UID] = s.Spec.Components
}

// ScalerGone drops a ClusterScaler that was deleted.
func (r *Recommender) ScalerGone(s *v1alpha1.ClusterScaler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.components[s.Namespace], s.UID)
	if len(r.components[s.Namespace]) == 0 {
		delete(r.components, s.Namespace)
	}
}

// PodGone takes down a pod that was deleted, and the OOM kills that it showed last.
func (r *Recommender) PodGone(ctx context.Context, pod *corev1.Pod) error {
	err := r.PodSeen(ctx, pod)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.shown, pod.UID)
	return err
}

// PodSeen takes down a pod that came or changed, and the OOM kills that it shows.
func (r *Recommender) PodSeen(ctx context.Context, pod *corev1.Pod) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whose.changed(pod.Namespace)
	kills := sighting.Kills(pod)
	known := r.shown[pod.UID]
	keys := make([]oom.Key, 0, len(kills))
	for _, k := range kills {
		keys = append(keys, k.Key)
	}
	kills = slices.DeleteFunc(kills, func(k oom.Kill) bool { return slices.Contains(known, k.Key) })
	if len(kills) == 0 {
		return nil
	}
	o, ok, err := r.whose.owner(ctx, pod)
	if err != nil || !ok {
		return err
	}
	now := r.Clock.Now()
	r.shown[pod.UID] = keys
	for _, k := range kills {
		if class := oom.Judge(k, oom.Circumstances{Now: now}); class != decision.KillContainer && class != decision.KillNode {
			continue
		}
		for _, e := range r.memory.of(o) {
			e.killed(now, kill{container: k.Container, replica: k.Pod, at: k.FinishedAt, limit: k.Limit, request: k.Request}, r.Defaults)
		}
	}
	return nil
}
