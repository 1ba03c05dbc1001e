package actuate

import (
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

// object is a piece of JSON that a patch is put together from.
type object = map[string]any

// strategic makes a strategic merge patch: lists of containers are merged by name, so nothing but what is named in the
// patch is written, whatever else the object holds.
func strategic(o object) (client.Patch, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("writing a patch: %w", err)
	}
	return client.RawPatch(types.StrategicMergePatchType, data), nil
}

// only makes the metadata of a patch that is refused when the object is another one by now, or, with a resource version,
// when it was changed in any way. See replacedIsConflict.
func only(uid types.UID, resourceVersion string) object {
	metadata := object{"uid": string(uid)}
	if resourceVersion != "" {
		metadata["resourceVersion"] = resourceVersion
	}
	return metadata
}

// replacedIsConflict turns the answer to a patch of an object that was replaced by another of its name into a conflict: a
// UID that differs is a precondition for an update (409), but for a patch it is an immutable field (422).
func replacedIsConflict(err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return err
	}
	details := status.Status().Details
	for _, cause := range details.Causes {
		if cause.Field == "metadata.uid" {
			return apierrors.NewConflict(schema.GroupResource{Group: details.Group, Resource: details.Kind}, details.Name, err)
		}
	}
	return err
}

// podSpec makes the piece of a pod spec that gives a container the amounts of a size. Amounts that the size does not
// have stay as they are.
func podSpec(list, container string, to size.Size) object {
	return object{list: []object{{"name": container, "resources": sizes.Resources(to)}}}
}

// podSpecBack makes the piece of a pod spec that takes a container from the amounts of one size back to those of
// another: an amount that only the first one has is removed.
func podSpecBack(list, container string, from, back size.Size) object {
	resources := object{}
	for name, amounts := range map[string][2]size.Amounts{
		"requests": {from.Requests, back.Requests},
		"limits":   {from.Limits, back.Limits},
	} {
		if piece := listBack(amounts[0], amounts[1]); len(piece) > 0 {
			resources[name] = piece
		}
	}
	return object{list: []object{{"name": container, "resources": resources}}}
}

func listBack(from, back size.Amounts) object {
	piece := object{}
	old := sizes.Resources(size.Size{Requests: back}).Requests
	for name := range sizes.Resources(size.Size{Requests: from}).Requests {
		piece[string(name)] = nil
		if q, ok := old[name]; ok {
			piece[string(name)] = q
		}
	}
	return piece
}

// listOf gives the list in which the container of a pod spec stands, "containers" when it is in none.
func listOf(spec *corev1.PodSpec, container string) string {
	if at, ok := find(spec, container); ok {
		return at.list
	}
	return "containers"
}
