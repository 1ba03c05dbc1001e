package fleet

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stub gives what is kept of an object outside the managed namespaces.
func stub(of metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:            of.Name,
		Namespace:       of.Namespace,
		UID:             of.UID,
		ResourceVersion: of.ResourceVersion,
	}
}

// IsStub tells whether an object of the cache was cut down to its identity, because its namespace was not managed when
// it arrived. The API server sets the creation timestamp of every object, and a stub does not keep it.
func IsStub(o metav1.Object) bool {
	created := o.GetCreationTimestamp()
	return created.IsZero()
}
