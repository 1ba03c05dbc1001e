package actuate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

const (
	// AnnotationIntent holds, while Metapilot brings a workload's template in line, what it is about to do and what must
	// be put back, in JSON.
	AnnotationIntent = "metapilot.dev/intent"
	// LabelConverging is on the workload for as long as the annotation is; by it unfinished workloads are found. Its
	// value is the check sum of the annotation: the Deployment controller copies annotations to ReplicaSets, and
	// `kubectl rollout undo` copies them back, so that an annotation alone may be a ghost. Labels are not copied.
	LabelConverging = "metapilot.dev/converging"
)

// intent is what is written on a workload before its template is touched, so that whoever comes next can finish it or
// put back what was changed. It holds facts, not the step: that is read off the objects.
type intent struct {
	// Record that is carried out.
	Record string `json:"record"`
	// Container whose size is written.
	Container string `json:"container"`
	// From is what the template gave at the start, of the amounts that To has.
	From v1alpha1.Size `json:"from,omitempty,omitzero"`
	// To is the size.
	To v1alpha1.Size `json:"to,omitempty,omitzero"`
	// Template is the fingerprint of all that is not to change in the template.
	Template string `json:"template"`
	// Since is when it began.
	Since metav1.Time `json:"since"`
	// ReplicaSet is the Deployment's current one.
	ReplicaSet string `json:"replicaSet,omitempty"`
	// ReplicaSetUID is its UID.
	ReplicaSetUID types.UID `json:"replicaSetUID,omitempty"`
	// RevisionHistoryLimit is what the Deployment had.
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// UpdateStrategy is what the StatefulSet had.
	UpdateStrategy *appsv1.StatefulSetUpdateStrategy `json:"updateStrategy,omitempty"`
}

func (i intent) from() size.Size { return sizes.FromAPI(&i.From) }
func (i intent) to() size.Size   { return sizes.FromAPI(&i.To) }

// age is for how long it has been there.
func (i intent) age(now time.Time) time.Duration { return max(0, now.Sub(i.Since.Time)) }

// intentOf reads the intent on a workload; false when there is none. The error is for one that nobody can read: it was
// tampered with, and a person has to look.
func intentOf(obj client.Object) (intent, bool, error) {
	text, ok := obj.GetAnnotations()[AnnotationIntent]
	if !ok || obj.GetLabels()[LabelConverging] != checksum([]byte(text)) {
		return intent{}, false, nil
	}
	var i intent
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return intent{}, false, fmt.Errorf("reading the annotation %s of %s: %w", AnnotationIntent, obj.GetName(), err)
	}
	return i, true, nil
}

// Converging tells whether Metapilot is in the middle of bringing the workload's template in line: its pause, or its
// OnDelete, is Metapilot's own.
func Converging(obj client.Object) bool {
	_, ok, err := intentOf(obj)
	return ok || err != nil
}

// marks makes the metadata of a patch that leaves the intent on an object which nobody has touched since it was read.
func (i intent) marks(obj client.Object) (object, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("writing the intent: %w", err)
	}
	metadata := only(obj.GetUID(), obj.GetResourceVersion())
	metadata["annotations"] = object{AnnotationIntent: string(text)}
	metadata["labels"] = object{LabelConverging: checksum(text)}
	return metadata, nil
}

// unmarked makes the metadata of a patch that takes the intent off an object which nobody has touched since it was read.
func unmarked(obj client.Object) object {
	metadata := only(obj.GetUID(), obj.GetResourceVersion())
	metadata["annotations"] = object{AnnotationIntent: nil}
	metadata["labels"] = object{LabelConverging: nil}
	return metadata
}

// fingerprint identifies everything in a template but the CPU and memory of the container, and the label that tells
// ReplicaSets apart.
func fingerprint(template *corev1.PodTemplateSpec, container string) (string, error) {
	t := template.DeepCopy()
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	for _, list := range [][]corev1.Container{t.Spec.Containers, t.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == container {
				for _, amounts := range []corev1.ResourceList{list[i].Resources.Requests, list[i].Resources.Limits} {
					delete(amounts, corev1.ResourceCPU)
					delete(amounts, corev1.ResourceMemory)
				}
				list[i].Resources.Requests = orNil(list[i].Resources.Requests)
				list[i].Resources.Limits = orNil(list[i].Resources.Limits)
			}
		}
	}
	if len(t.Labels) == 0 {
		t.Labels = nil
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("reading the template: %w", err)
	}
	return checksum(text), nil
}

func orNil(list corev1.ResourceList) corev1.ResourceList {
	if len(list) == 0 {
		return nil
	}
	return list
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
