package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegistry(t *testing.T) {
	for name, tc := range map[string]struct {
		do           func(r *Registry)
		wantManaged  bool
		wantReleased []string
	}{
		"a namespace is managed from its first ClusterScaler on": {
			do:          func(r *Registry) { r.Manage("a", "1") },
			wantManaged: true,
		},
		"a namespace is managed until its last ClusterScaler is gone": {
			do:          func(r *Registry) { r.Manage("a", "1"); r.Manage("a", "2"); r.Release("a", "1") },
			wantManaged: true,
		},
		"the last ClusterScaler's end releases the namespace once": {
			do:           func(r *Registry) { r.Manage("a", "1"); r.Release("a", "1"); r.Release("a", "1") },
			wantReleased: []string{"a"},
		},
		"a late delete of the former ClusterScaler does not release its successor": {
			do:          func(r *Registry) { r.Manage("a", "1"); r.Manage("a", "2"); r.Release("a", "1"); r.Release("a", "1") },
			wantManaged: true,
		},
		"a primed ClusterScaler that the cache never saw is released": {
			do:           func(r *Registry) { r.prime("a", "1"); r.settle() },
			wantReleased: []string{"a"},
		},
		"a primed ClusterScaler that the cache saw stays": {
			do:          func(r *Registry) { r.prime("a", "1"); r.Manage("a", "1"); r.settle() },
			wantManaged: true,
		},
		"another namespace's ClusterScaler says nothing": {
			do: func(r *Registry) { r.Manage("b", "1") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry()
			var released []string
			r.OnRelease(func(namespace string) { released = append(released, namespace) })
			tc.do(r)
			if got := r.Managed("a"); got != tc.wantManaged {
				t.Errorf("Managed = %v, want %v", got, tc.wantManaged)
			}
			if diff := cmp.Diff(tc.wantReleased, released); diff != "" {
				t.Errorf("released (-want +got):\n%s", diff)
			}
		})
	}
}
