package fleet

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// object is *T, a client.Object that can copy itself.
type object[T any] interface {
	*T
	client.Object
	DeepCopy() *T
}

// read gives copies of a namespace's objects of one kind for which keep holds, every stub completed. newList makes an
// empty list of the kind and a function that gives its items.
func read[T any, P object[T], L client.ObjectList](
	ctx context.Context, f *Fleet, o *overlay, namespace string, trim func(P) P,
	newList func() (L, func(L) []T), keep func(P) bool,
) ([]T, error) {
	list := func(from client.Reader, trim func(P) P, opts ...client.ListOption) ([]client.Object, error) {
		into, items := newList()
		if err := from.List(ctx, into, append(opts, client.InNamespace(namespace))...); err != nil {
			return nil, fmt.Errorf("listing %T in %s: %w", into, namespace, err)
		}
		listed := items(into)
		out := make([]client.Object, len(listed))
		for i := range listed {
			out[i] = trim(P(&listed[i]))
		}
		return out, nil
	}
	asIs := func(p P) P { return p }
	// The copy is made below, of what is kept. The lists' items are shallow copies of the cache's objects.
	cached, err := list(f.cached, asIs, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	whole, err := o.complete(namespace, cached, func() ([]client.Object, error) { return list(f.live, trim) })
	if err != nil {
		return nil, err
	}
	var out []T
	for _, found := range whole {
		if p := found.(P); keep(p) {
			out = append(out, *p.DeepCopy())
		}
	}
	return out, nil
}
