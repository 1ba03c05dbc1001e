package actuate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ForeignOwner tells who, other than Metapilot, owns the size of a workload's container: an owner who would put back
// what somebody else writes. In this order: an operator (a controller owner reference), a Git tool (the marks of Argo CD
// and Flux), a field manager that applied the container's CPU or memory server-side.
//
// Whoever wrote once and does not come back is no owner: kubectl create and edit, client-side apply, Helm's own client.
func ForeignOwner(obj client.Object, container string) (owner string, found bool) {
	if ref := metav1.GetControllerOf(obj); ref != nil {
		return fmt.Sprintf("%s %s (owner reference)", ref.Kind, ref.Name), true
	}
	if owner, ok := gitOwner(obj); ok {
		return owner, true
	}
	for _, w := range writers(obj, container) {
		if w.Operation == metav1.ManagedFieldsOperationApply && w.Name != string(FieldOwner) {
			return fmt.Sprintf("field manager %q (server-side apply)", w.Name), true
		}
	}
	return "", false
}

// The marks that Git tools leave on what they own.
const (
	argoPrefix     = "argocd.argoproj.io/"
	argoTrackingID = argoPrefix + "tracking-id"
	argoInstance   = argoPrefix + "instance"
	plainInstance  = "app.kubernetes.io/instance"
	fluxKustomize  = "kustomize.toolkit.fluxcd.io/name"
	fluxHelm       = "helm.toolkit.fluxcd.io/name"
)

// gitOwner reads the marks. The plain instance label is Argo CD's default mark, but half the world's charts set it too:
// it counts only beside an annotation of Argo CD.
func gitOwner(obj client.Object) (string, bool) {
	annotations, labels := obj.GetAnnotations(), obj.GetLabels()
	if id := annotations[argoTrackingID]; id != "" {
		app, _, _ := strings.Cut(id, ":")
		return "Argo CD application " + app, true
	}
	if app := labels[argoInstance]; app != "" {
		return "Argo CD application " + app, true
	}
	for key := range annotations {
		if app := labels[plainInstance]; app != "" && strings.HasPrefix(key, argoPrefix) {
			return "Argo CD application " + app, true
		}
	}
	if name := labels[fluxKustomize]; name != "" {
		return "Flux Kustomization " + name, true
	}
	if name := labels[fluxHelm]; name != "" {
		return "Flux HelmRelease " + name, true
	}
	return "", false
}

// Writer is a field manager that wrote a container's size.
type Writer struct {
	Name      string
	Operation metav1.ManagedFieldsOperationType
	Time      time.Time // when it last wrote any of its fields
}

// lastWriter gives the writer of the container's size that wrote last.
func lastWriter(obj client.Object, container string) (Writer, bool) {
	var (
		last  Writer
		found bool
	)
	for _, w := range writers(obj, container) {
		if !found || w.Time.After(last.Time) {
			last, found = w, true
		}
	}
	return last, found
}

// writers gives the field managers that own an amount of CPU or memory of the container in the workload's template.
func writers(obj client.Object, container string) []Writer {
	var out []Writer
	for _, entry := range obj.GetManagedFields() {
		if entry.FieldsV1 == nil || entry.Subresource != "" || !ownsSize(entry.FieldsV1, container) {
			continue
		}
		w := Writer{Name: entry.Manager, Operation: entry.Operation}
		if entry.Time != nil {
			w.Time = entry.Time.Time
		}
		out = append(out, w)
	}
	return out
}

// ownsSize looks for the container's amounts in a set of fields; one that cannot be read owns nothing.
func ownsSize(fields *metav1.FieldsV1, container string) bool {
	var tree object
	if err := json.Unmarshal(fields.GetRawBytes(), &tree); err != nil {
		return false
	}
	name, err := json.Marshal(container)
	if err != nil {
		return false
	}
	key := fmt.Sprintf(`k:{"name":%s}`, name)
	for _, containers := range []string{"f:containers", "f:initContainers"} {
		resources := descend(tree, "f:spec", "f:template", "f:spec", containers, key, "f:resources")
		for _, kind := range []string{"f:requests", "f:limits"} {
			for _, amount := range []string{"f:cpu", "f:memory"} {
				if _, ok := descend(resources, kind)[amount]; ok {
					return true
				}
			}
		}
	}
	return false
}

func descend(tree object, path ...string) object {
	for _, step := range path {
		next, ok := tree[step].(object)
		if !ok {
			return nil
		}
		tree = next
	}
	return tree
}
