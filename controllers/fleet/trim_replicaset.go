package fleet

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trimReplicaSet keeps of a ReplicaSet's metadata who it is and who owns it.
func trimReplicaSet(rs *metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	m := stub(rs.ObjectMeta)
	m.CreationTimestamp = rs.CreationTimestamp
	m.OwnerReferences = rs.OwnerReferences
	return &metav1.PartialObjectMetadata{TypeMeta: rs.TypeMeta, ObjectMeta: m}
}
