package sandbox

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
)

// OOMOptions say how a container is killed. The zero value is the pod's first container, killed by the kernel for its memory
// and seen as the kubelet reports it: terminated, then running again (or CrashLoopBackOff, when it repeats).
type OOMOptions struct {
	// Container is a container, sidecar or init container of the pod; "" is the first container.
	Container string
	// Reason is "" for OOMKilled.
	Reason string
	// ExitCode is 0 for 137. OOMKilled with 143 is the false positive that real kubelets report.
	ExitCode int32
	// Coalesce skips statuses, as the kubelet's status manager does.
	Coalesce kubelet.Coalescing
	// Missed further deaths show in the restart count only.
	Missed int32
}

// OOMResult is what OOM has done.
type OOMResult struct {
	Namespace, Pod, Container string

	ContainerID  string    // of the container that died
	RestartCount int32     // in the status written
	Sent         time.Time // the status was sent to the API server
	Accepted     time.Time // the API server had accepted it; watchers may have it a little earlier
}

// OOM kills a container of a pod, as the kubelet would report it. The restart follows by itself (see package kubelet).
//
// Errors: there is no such pod or container, or the container does not run just now.
func (s *Sandbox) OOM(ctx context.Context, namespace, pod string, o OOMOptions) (OOMResult, error) {
	result := OOMResult{Namespace: namespace, Pod: pod, Container: o.Container}
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		current, err := s.client.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if result.Container == "" {
			result.Container = current.Spec.Containers[0].Name
		}
		death := kubelet.Death{Reason: o.Reason, ExitCode: o.ExitCode, Coalesce: o.Coalesce, Missed: o.Missed}
		status, killed, err := kubelet.Kill(current, result.Container, death, time.Now())
		if err != nil {
			return err
		}
		current.Status = status
		result.ContainerID, result.Sent = killed, time.Now()
		written, err := s.client.CoreV1().Pods(namespace).UpdateStatus(ctx, current, metav1.UpdateOptions{FieldManager: "kubelet"})
		if err != nil {
			return err
		}
		result.Accepted = time.Now()
		result.RestartCount = restartCount(written, result.Container)
		return nil
	})
	if err != nil {
		return OOMResult{}, fmt.Errorf("killing a container of %s/%s: %w", namespace, pod, err)
	}
	return result, nil
}

func restartCount(pod *corev1.Pod, container string) int32 {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, st := range statuses {
			if st.Name == container {
				return st.RestartCount
			}
		}
	}
	return 0
}
