package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/test/sandbox/load"
)

const (
	// tickPeriod is how often pods with a load are looked at.
	tickPeriod = time.Second
	// A usage that differs from the one shown by less than showPercent is not written: metrics-server looks every 10 s, and
	// every write is an update of the pod for all who watch.
	showPercent = 2
)

// tick looks at the pods with a load, every second.
func (k *Kubelet) tick(ctx context.Context) {
	ticker := k.clock.NewTicker(tickPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			k.loads.mu.Lock()
			names := k.loads.names()
			k.loads.mu.Unlock()
			for _, name := range names {
				k.queue.Add(name)
			}
		}
	}
}

func memoryBytes(usage map[string]load.Usage) map[string]int64 {
	bytes := make(map[string]int64, len(usage))
	for name, u := range usage {
		bytes[name] = u.MemoryBytes
	}
	return bytes
}

// showUsage writes a pod's usage into its annotations, where it has changed enough to be seen. A container that does not run
// uses nothing.
func (k *Kubelet) showUsage(ctx context.Context, pod *corev1.Pod, usage map[string]load.Usage) error {
	annotations := map[string]string{}
	status := pod.Status.DeepCopy()
	for _, c := range containers(pod, status) {
		u, loaded := usage[c.spec.Name]
		if !loaded {
			continue
		}
		if c.status.State.Running == nil {
			u = load.Usage{}
		}
		suffix := "." + c.spec.Name
		if c.spec.Name == pod.Spec.Containers[0].Name {
			suffix = ""
		}
		for key, value := range map[string]*resource.Quantity{
			UsageCPUAnnotation + suffix:    resource.NewMilliQuantity(u.MilliCPU, resource.DecimalSI),
			UsageMemoryAnnotation + suffix: resource.NewQuantity(u.MemoryBytes, resource.BinarySI),
		} {
			if differs(pod.Annotations[key], value) {
				annotations[key] = value.String()
			}
		}
	}
	if len(annotations) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return fmt.Errorf("encoding the usage: %w", err)
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubelet"})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("showing the usage: %w", err)
	}
	return nil
}

// differs reports whether a usage is far enough from the one shown to be written.
func differs(shown string, value *resource.Quantity) bool {
	old, err := resource.ParseQuantity(shown)
	if err != nil {
		return true
	}
	was, is := old.MilliValue(), value.MilliValue()
	distance := max(was-is, is-was)
	return distance*100 > showPercent*max(was, is)
}
