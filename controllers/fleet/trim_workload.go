package fleet

import (
	"bytes"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trimDeployment keeps of a Deployment what is read: its size, its selector, who owns it, and how far it has come.
func trimDeployment(d *appsv1.Deployment) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: trimWorkloadMeta(d.ObjectMeta),
		Spec: appsv1.DeploymentSpec{
			Replicas: d.Spec.Replicas,
			Selector: d.Spec.Selector,
			Template: trimTemplate(d.Spec.Template),
			Strategy: d.Spec.Strategy,
			Paused:   d.Spec.Paused,
		},
		Status: d.Status,
	}
}

// trimStatefulSet keeps of a StatefulSet what is read.
func trimStatefulSet(s *appsv1.StatefulSet) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{
		ObjectMeta: trimWorkloadMeta(s.ObjectMeta),
		Spec: appsv1.StatefulSetSpec{
			Replicas:       s.Spec.Replicas,
			Selector:       s.Spec.Selector,
			Template:       trimTemplate(s.Spec.Template),
			ServiceName:    s.Spec.ServiceName,
			UpdateStrategy: s.Spec.UpdateStrategy,
		},
		Status: s.Status,
	}
}

// trimWorkloadMeta keeps everything but what kubectl noted of its last apply, and who owns fields that say nothing of
// the size.
func trimWorkloadMeta(m metav1.ObjectMeta) metav1.ObjectMeta {
	m.ManagedFields = ownersOfSize(m.ManagedFields)
	if _, noted := m.Annotations[corev1.LastAppliedConfigAnnotation]; noted {
		m.Annotations = maps.Clone(m.Annotations)
		delete(m.Annotations, corev1.LastAppliedConfigAnnotation)
	}
	return m
}

// ownersOfSize keeps the entries of field managers that own a container's resources or the number of replicas.
func ownersOfSize(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var out []metav1.ManagedFieldsEntry
	for _, e := range entries {
		if e.Subresource == "status" || e.FieldsV1 == nil {
			continue
		}
		if raw := e.FieldsV1.GetRawBytes(); bytes.Contains(raw, []byte(`"f:resources"`)) || bytes.Contains(raw, []byte(`"f:replicas"`)) {
			out = append(out, e)
		}
	}
	return out
}

func trimTemplate(t corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: t.Labels},
		Spec: corev1.PodSpec{
			InitContainers: trimContainers(t.Spec.InitContainers),
			Containers:     trimContainers(t.Spec.Containers),
			Resources:      t.Spec.Resources,
		},
	}
}
