package sandbox

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
)

// ResizeMode is what a pod's node makes of its resizes.
type ResizeMode string

// The modes.
const (
	ResizeNormal     ResizeMode = ""
	ResizeDeferred   ResizeMode = corev1.PodReasonDeferred   // until the mode is normal again
	ResizeInfeasible ResizeMode = corev1.PodReasonInfeasible // until the spec changes again
)

// SetResizeMode sets what becomes of the resizes of one pod from now on. Pods made later are normal.
func (s *Sandbox) SetResizeMode(ctx context.Context, namespace, pod string, mode ResizeMode) error {
	var value any // null removes the annotation
	switch mode {
	case ResizeNormal:
	case ResizeDeferred, ResizeInfeasible:
		value = string(mode)
	default:
		return fmt.Errorf("there is no resize mode %q; there are Deferred, Infeasible and the normal one", mode)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{kubelet.ResizeAnnotation: value}}})
	if err != nil {
		return fmt.Errorf("encoding the resize mode: %w", err)
	}
	if _, err := s.client.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("setting the resize mode of %s/%s: %w", namespace, pod, err)
	}
	return nil
}

// PodsOf returns the pods of a Deployment or StatefulSet that are not being deleted, by name. A workload without pods is
// an error, since it is mostly a name that was mistyped.
func (s *Sandbox) PodsOf(ctx context.Context, namespace, workload string) ([]corev1.Pod, error) {
	all, err := s.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of %s/%s: %w", namespace, workload, err)
	}
	var pods []corev1.Pod
	for _, pod := range all.Items {
		if kubelet.WorkloadOf(&pod) == workload && pod.DeletionTimestamp == nil {
			pods = append(pods, pod)
		}
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("there is no Deployment or StatefulSet %q with pods in namespace %q", workload, namespace)
	}
	return pods, nil
}
