package records

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// +kubebuilder:rbac:groups=metapilot.dev,resources=clusterscalers,verbs=list
// +kubebuilder:rbac:groups=metapilot.dev,resources=scalingrecords,verbs=list;delete

// Name of the controller.
const Name = "records"

const (
	// interval is the time between two sweeps. Records are kept for an hour at least.
	interval = time.Hour
	// pageSize is how many records are listed at a time.
	pageSize = 500
)

// Sweeper deletes records that are older than MaxAge. It runs on the leader.
type Sweeper struct {
	// Client reads ClusterScalers from the cache, and deletes. Live reads from the API server.
	Client client.Client
	Live   client.Reader
	Clock  clock.Clock
	Log    logr.Logger
	MaxAge time.Duration
}

// Start sweeps at once and then every hour, until ctx ends. A sweep that fails is tried again at the next hour.
func (s *Sweeper) Start(ctx context.Context) error {
	for {
		if deleted, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error(err, "deleting old records")
		} else if deleted > 0 {
			s.Log.Info("old records deleted", "records", deleted, "maxAge", s.MaxAge)
		}
		timer := s.Clock.NewTimer(interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// Sweep deletes the records that are too old, and gives how many. A record that a scaler still carries out or watches, or
// names as its last, is kept.
func (s *Sweeper) Sweep(ctx context.Context) (deleted int, err error) {
	inUse, err := s.inUse(ctx)
	if err != nil {
		return 0, err
	}
	oldest := s.Clock.Now().Add(-s.MaxAge)
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ScalingRecordList"))
	for {
		if err := s.Live.List(ctx, list, client.Limit(pageSize), client.Continue(list.Continue)); err != nil {
			return deleted, fmt.Errorf("listing records: %w", err)
		}
		for i := range list.Items {
			item := &list.Items[i]
			key := client.ObjectKeyFromObject(item)
			if !item.CreationTimestamp.Time.Before(oldest) || inUse[key] {
				continue
			}
			record := &v1alpha1.ScalingRecord{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
			// The same name may have been written anew meanwhile.
			if err := s.Client.Delete(ctx, record, client.Preconditions{UID: &item.UID}); client.IgnoreNotFound(err) != nil {
				return deleted, fmt.Errorf("deleting record %s: %w", key, err)
			}
			deleted++
		}
		if list.Continue == "" {
			return deleted, nil
		}
	}
}

// inUse gives the records that ClusterScalers refer to.
func (s *Sweeper) inUse(ctx context.Context) (map[types.NamespacedName]bool, error) {
	var scalers v1alpha1.ClusterScalerList
	if err := s.Client.List(ctx, &scalers); err != nil {
		return nil, fmt.Errorf("reading ClusterScalers: %w", err)
	}
	used := map[types.NamespacedName]bool{}
	for i := range scalers.Items {
		for _, c := range scalers.Items[i].Status.Components {
			for _, name := range []string{c.OpenRecord, c.LastRecord} {
				used[types.NamespacedName{Namespace: scalers.Items[i].Namespace, Name: name}] = true
			}
		}
	}
	return used, nil
}
