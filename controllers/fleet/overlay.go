package fleet

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// overlay completes stubs of one kind. See the package's documentation for why it is right.
type overlay struct {
	mu         sync.Mutex
	namespaces map[string]*completion
}

// completion is what a live list gave for the stubs of one namespace, by UID; nil stands for an object that is gone.
type completion struct {
	mu      sync.Mutex
	objects map[types.UID]client.Object
}

func newOverlay() *overlay { return &overlay{namespaces: map[string]*completion{}} }

// complete gives the cached objects of a namespace with every stub replaced. cached must be all of the namespace's
// objects, and read before the call. list reads them live; it is only called when a stub has no answer yet.
func (o *overlay) complete(namespace string, cached []client.Object, list func() ([]client.Object, error)) ([]client.Object, error) {
	c := o.of(namespace, anyStub(cached))
	if c == nil {
		return cached, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lacksAny(cached) {
		listed, err := list()
		if err != nil {
			return nil, err
		}
		c.fill(cached, listed)
	}
	out := c.merge(cached)
	if len(c.objects) == 0 {
		o.drop(namespace)
	}
	return out, nil
}

// of gives the namespace's completion, if there is one or one is needed.
func (o *overlay) of(namespace string, needed bool) *completion {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.namespaces[namespace]
	if c == nil && needed {
		c = &completion{objects: map[types.UID]client.Object{}}
		o.namespaces[namespace] = c
	}
	return c
}

// drop forgets the namespace. A caller that still holds its completion ends its work on it; the next one lists again.
func (o *overlay) drop(namespace string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.namespaces, namespace)
}

// size gives the number of objects held.
func (o *overlay) size() int {
	o.mu.Lock()
	held := make([]*completion, 0, len(o.namespaces))
	for _, c := range o.namespaces {
		held = append(held, c)
	}
	o.mu.Unlock()
	n := 0
	for _, c := range held {
		c.mu.Lock()
		n += len(c.objects)
		c.mu.Unlock()
	}
	return n
}

// lacksAny tells whether a stub has no answer, or only one older than itself (its namespace is not managed, and it was
// changed since).
func (c *completion) lacksAny(cached []client.Object) bool {
	for _, object := range cached {
		if !IsStub(object) {
			continue
		}
		whole, answered := c.objects[object.GetUID()]
		if !answered || whole != nil && newer(object, whole) {
			return true
		}
	}
	return false
}

// fill takes over the answers for all stubs. One that was not listed is gone.
func (c *completion) fill(cached, listed []client.Object) {
	live := make(map[types.UID]client.Object, len(listed))
	for _, object := range listed {
		live[object.GetUID()] = object
	}
	for _, object := range cached {
		if IsStub(object) {
			c.objects[object.GetUID()] = live[object.GetUID()]
		}
	}
}

// merge gives the whole objects and forgets the answers that are no longer needed: their object is gone from the cache,
// or whole there and as new.
func (c *completion) merge(cached []client.Object) []client.Object {
	out := make([]client.Object, 0, len(cached))
	kept := make(map[types.UID]client.Object, len(c.objects))
	for _, object := range cached {
		whole, answered := c.objects[object.GetUID()]
		switch {
		case IsStub(object) || answered && whole != nil && newer(whole, object):
			kept[object.GetUID()] = whole
			if whole != nil {
				out = append(out, whole)
			}
		default:
			out = append(out, object)
		}
	}
	c.objects = kept
	return out
}

func anyStub(objects []client.Object) bool {
	for _, object := range objects {
		if IsStub(object) {
			return true
		}
	}
	return false
}

// newer tells whether a is a newer version of the same object than b. Versions that cannot be compared are not.
func newer(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order > 0
}
