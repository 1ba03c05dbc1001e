package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
)

// SetLoad gives a workload (or one pod of it, or the workload of that name in every namespace) a load from now on, in place
// of the one it had. Its pods, and those to come, show the usage in the metrics API, and a container that uses more memory
// than its limit in force is OOM-killed until it may use that much. A zero StartedAt is now; a trace's path is made absolute.
//
// Errors: the load is not valid, or its trace cannot be read.
func (s *Sandbox) SetLoad(ctx context.Context, target kubelet.Target, l load.Load) error {
	if target.Workload == "" {
		return fmt.Errorf("setting a load: no workload is named")
	}
	if l.StartedAt.IsZero() {
		l.StartedAt = time.Now()
	}
	if err := l.Validate(); err != nil {
		return fmt.Errorf("setting the load of %s: %w", target.Workload, err)
	}
	if l.Shape == load.Trace {
		file, err := filepath.Abs(l.TraceFile)
		if err != nil {
			return fmt.Errorf("setting the load of %s: %w", target.Workload, err)
		}
		if _, err := load.ReadTrace(file); err != nil {
			return fmt.Errorf("setting the load of %s: %w", target.Workload, err)
		}
		l.TraceFile = file
	}
	entry, err := json.Marshal(kubelet.Entry{Target: target, Load: l})
	if err != nil {
		return fmt.Errorf("encoding the load: %w", err)
	}
	return s.changeEntries(ctx, kubelet.LoadsConfigMap, func(data map[string]string) { data[target.Key()] = string(entry) })
}

// ClearLoad takes the target's load away; its containers idle again. A target without one is no error.
func (s *Sandbox) ClearLoad(ctx context.Context, target kubelet.Target) error {
	return s.changeEntries(ctx, kubelet.LoadsConfigMap, func(data map[string]string) { delete(data, target.Key()) })
}

// Loads returns the loads that are set, in order of their targets.
func (s *Sandbox) Loads(ctx context.Context) ([]kubelet.Entry, error) {
	object, err := s.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, kubelet.LoadsConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the loads: %w", err)
	}
	var entries []kubelet.Entry
	for _, key := range slices.Sorted(maps.Keys(object.Data)) {
		var e kubelet.Entry
		if err := json.Unmarshal([]byte(object.Data[key]), &e); err != nil {
			return nil, fmt.Errorf("reading load %s: %w", key, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// changeEntries changes a ConfigMap of the sandbox in kube-system, which is made when it is first needed.
func (s *Sandbox) changeEntries(ctx context.Context, name string, change func(map[string]string)) error {
	objects := s.client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object, err := objects.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			object = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{}}
			change(object.Data)
			_, err = objects.Create(ctx, object, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return apierrors.NewConflict(corev1.Resource("configmaps"), name, err)
			}
			return err
		}
		if err != nil {
			return err
		}
		if object.Data == nil {
			object.Data = map[string]string{}
		}
		change(object.Data)
		_, err = objects.Update(ctx, object, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("changing %s: %w", name, err)
	}
	return nil
}
