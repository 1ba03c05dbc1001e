package actuate

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
)

// The marks of Gardener's dependency-watchdog: it has scaled the workload down to protect it, or is told to keep off.
const (
	watchdogMeltdown = "dependency-watchdog.gardener.cloud/meltdown-protection-active"
	watchdogIgnore   = "dependency-watchdog.gardener.cloud/ignore-scaling"
)

// Hold is why a workload is to be left alone for now.
type Hold struct {
	Reason  decision.Reason
	Message string
}

// Unmanaged tells whether somebody has taken a workload out of management: scaled it to zero, paused it (the pause that
// Metapilot makes itself does not count), or marked it.
func Unmanaged(obj client.Object) (Hold, bool) {
	for _, mark := range []string{watchdogMeltdown, watchdogIgnore} {
		if value, ok := obj.GetAnnotations()[mark]; ok && value != "false" {
			return Hold{decision.ReasonPausedByOthers, fmt.Sprintf("dependency-watchdog has marked the workload (%s); it is left alone until the mark is gone", mark)}, true
		}
	}
	var replicas *int32
	switch w := obj.(type) {
	case *appsv1.Deployment:
		if w.Spec.Paused && !Converging(w) {
			return Hold{decision.ReasonPausedByOthers, "the deployment was paused by somebody else; resume it with kubectl rollout resume"}, true
		}
		replicas = w.Spec.Replicas
	case *appsv1.StatefulSet:
		replicas = w.Spec.Replicas
	}
	if replicas != nil && *replicas == 0 {
		return Hold{decision.ReasonNoReplicas, "the workload is scaled to zero"}, true
	}
	return Hold{}, false
}
