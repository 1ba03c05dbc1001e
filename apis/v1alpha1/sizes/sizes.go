package sizes

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/size"
)

// FromAPI reads a size of the API; nil is the size of which nothing is known.
func FromAPI(s *v1alpha1.Size) size.Size {
	var out size.Size
	if s == nil {
		return out
	}
	if s.Replicas != nil && *s.Replicas >= 0 {
		out.Replicas = size.Of(*s.Replicas)
	}
	out.Requests = AmountsFromAPI(s.Requests)
	out.Limits = AmountsFromAPI(s.Limits)
	return out
}

// AmountsFromAPI reads amounts of the API; nil is no amount.
func AmountsFromAPI(a *v1alpha1.ResourceAmounts) size.Amounts {
	if a == nil {
		return size.Amounts{}
	}
	return size.Amounts{CPU: milliCPU(a.CPU), Memory: bytes(a.Memory)}
}

// ToAPI writes a size as the API has it. Requests and limits without any amount are left out.
func ToAPI(s size.Size) v1alpha1.Size {
	out := v1alpha1.Size{Requests: AmountsToAPI(s.Requests), Limits: AmountsToAPI(s.Limits)}
	if replicas, ok := s.Replicas.Get(); ok {
		out.Replicas = &replicas
	}
	return out
}

// BoundsFromAPI converts bounds; what is absent does not bound.
func BoundsFromAPI(b *v1alpha1.Bounds) (least, most size.Amounts) {
	if b == nil {
		return least, most
	}
	return boundFromAPI(b.Min), boundFromAPI(b.Max)
}

func boundFromAPI(b *v1alpha1.BoundAmounts) size.Amounts {
	if b == nil {
		return size.Amounts{}
	}
	return AmountsFromAPI(&v1alpha1.ResourceAmounts{CPU: b.CPU, Memory: b.Memory})
}

// AmountsToAPI writes amounts as the API has them, nil when both are absent.
func AmountsToAPI(a size.Amounts) *v1alpha1.ResourceAmounts {
	if a == (size.Amounts{}) {
		return nil
	}
	return &v1alpha1.ResourceAmounts{CPU: cpuQuantity(a.CPU), Memory: memoryQuantity(a.Memory)}
}

// OfContainer reads what a container has, or is to have: CPU and memory of its requests and limits. Replicas are
// absent, for a container does not know them.
func OfContainer(r corev1.ResourceRequirements) size.Size {
	return size.Size{Requests: OfList(r.Requests), Limits: OfList(r.Limits)}
}

// OfList reads CPU and memory of a resource list.
func OfList(list corev1.ResourceList) size.Amounts {
	var out size.Amounts
	if q, ok := list[corev1.ResourceCPU]; ok {
		out.CPU = milliCPU(&q)
	}
	if q, ok := list[corev1.ResourceMemory]; ok {
		out.Memory = bytes(&q)
	}
	return out
}

// Resources writes requests and limits as a container is given them: only the amounts that are present, and nothing
// but CPU and memory.
func Resources(s size.Size) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: list(s.Requests), Limits: list(s.Limits)}
}

func list(a size.Amounts) corev1.ResourceList {
	if a == (size.Amounts{}) {
		return nil
	}
	out := corev1.ResourceList{}
	if q := cpuQuantity(a.CPU); q != nil {
		out[corev1.ResourceCPU] = *q
	}
	if q := memoryQuantity(a.Memory); q != nil {
		out[corev1.ResourceMemory] = *q
	}
	return out
}

func milliCPU(q *resource.Quantity) size.Opt[size.MilliCPU] {
	if q == nil || q.Sign() <= 0 || q.CmpInt64(math.MaxInt64/1000) > 0 {
		return size.Opt[size.MilliCPU]{}
	}
	return size.Of(size.MilliCPU(q.MilliValue()))
}

// bytes takes what is at or above the largest number as garbage: parsing a quantity caps it there.
func bytes(q *resource.Quantity) size.Opt[size.Bytes] {
	if q == nil || q.Sign() <= 0 || q.CmpInt64(math.MaxInt64) >= 0 {
		return size.Opt[size.Bytes]{}
	}
	return size.Of(size.Bytes(q.Value()))
}

func cpuQuantity(o size.Opt[size.MilliCPU]) *resource.Quantity {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return resource.NewMilliQuantity(int64(v), resource.DecimalSI)
}

func memoryQuantity(o size.Opt[size.Bytes]) *resource.Quantity {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return resource.NewQuantity(int64(v), resource.BinarySI)
}
