package size

import (
	"fmt"
	"strconv"
)

// MilliCPU is an amount of CPU in thousandths of a core.
type MilliCPU int64

// Bytes is an amount of memory in bytes.
type Bytes int64

// Units of memory.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// String gives the amount as Kubernetes writes it: "250m", "2".
func (m MilliCPU) String() string {
	if m%1000 == 0 {
		return strconv.FormatInt(int64(m/1000), 10)
	}
	return strconv.FormatInt(int64(m), 10) + "m"
}

// String gives the amount as Kubernetes writes it, in the largest binary unit that is exact: "512Mi", "1536Mi", "1Gi".
func (b Bytes) String() string {
	for _, unit := range []struct {
		size Bytes
		name string
	}{{GiB, "Gi"}, {MiB, "Mi"}, {KiB, "Ki"}} {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// RoundUp gives the smallest multiple of step (greater than zero) that is not below b.
func (b Bytes) RoundUp(step Bytes) Bytes {
	if rest := b % step; rest > 0 {
		return b + step - rest
	}
	return b
}

// Opt is a value that may be absent. The zero Opt is absent.
type Opt[T comparable] struct {
	value   T
	present bool
}

// Of makes an Opt that holds v.
func Of[T comparable](v T) Opt[T] { return Opt[T]{value: v, present: true} }

// Get gives the value and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.present }

// Present tells whether there is a value.
func (o Opt[T]) Present() bool { return o.present }

// Or gives the value, or other where there is none.
func (o Opt[T]) Or(other T) T {
	if o.present {
		return o.value
	}
	return other
}

// String gives the value, or "none".
func (o Opt[T]) String() string {
	if !o.present {
		return "none"
	}
	return fmt.Sprint(o.value)
}

// Amounts is CPU and memory, each of which may be absent.
type Amounts struct {
	CPU    Opt[MilliCPU]
	Memory Opt[Bytes]
}

// String gives "cpu 250m, memory 512Mi".
func (a Amounts) String() string {
	return fmt.Sprintf("cpu %s, memory %s", a.CPU, a.Memory)
}

// Size is what a component is given: the number of its replicas, and requests and limits of its main container.
type Size struct {
	Replicas Opt[int32]
	Requests Amounts
	Limits   Amounts
}

// Ceiling gives the amounts at which the container is stopped: the limit, or the request where there is no limit.
func (s Size) Ceiling() Amounts {
	out := s.Limits
	if !out.CPU.Present() {
		out.CPU = s.Requests.CPU
	}
	if !out.Memory.Present() {
		out.Memory = s.Requests.Memory
	}
	return out
}

// QOSClass is a pod's quality-of-service class as Kubernetes derives it.
type QOSClass string

// The classes of Kubernetes.
const (
	Guaranteed QOSClass = "Guaranteed"
	Burstable  QOSClass = "Burstable"
	BestEffort QOSClass = "BestEffort"
)

// QOSOf gives the class of a pod whose containers have these requests and limits. The rule is that of Kubernetes
// (pkg/apis/core/v1/helper/qos): Guaranteed when every container has both limits, equal to its requests (a request that
// is absent counts as equal to the limit); BestEffort when none has any; else Burstable.
func QOSOf(containers ...Size) QOSClass {
	guaranteed, bestEffort := len(containers) > 0, true
	for _, c := range containers {
		if c.Requests != (Amounts{}) || c.Limits != (Amounts{}) {
			bestEffort = false
		}
		guaranteed = guaranteed && fixed(c.Requests.CPU, c.Limits.CPU) && fixed(c.Requests.Memory, c.Limits.Memory)
	}
	switch {
	case bestEffort:
		return BestEffort
	case guaranteed:
		return Guaranteed
	default:
		return Burstable
	}
}

func fixed[T comparable](request, limit Opt[T]) bool {
	l, ok := limit.Get()
	return ok && request.Or(l) == l
}
