package size

import (
	"fmt"
	"math"
	"math/bits"
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

// RoundUp gives the smallest multiple of step (greater than zero) that is not below b; b itself where that multiple is
// too large to be written.
func (b Bytes) RoundUp(step Bytes) Bytes {
	rest := b % step
	switch {
	case rest > 0 && b > math.MaxInt64-(step-rest):
		return b
	case rest > 0:
		return b + (step - rest)
	default:
		return b - rest
	}
}

// Sum adds amounts; a sum too large to be written is the largest amount, one too small the smallest.
func Sum[T MilliCPU | Bytes](amounts ...T) T {
	var sum T
	for _, a := range amounts {
		switch {
		case a > 0 && sum > math.MaxInt64-a:
			sum = math.MaxInt64
		case a < 0 && sum < math.MinInt64-a:
			sum = math.MinInt64
		default:
			sum += a
		}
	}
	return sum
}

// Share gives a · of / whole, rounded down, exactly also where a · of does not fit 64 bits; the largest amount where the
// result is too large to be written. What is not positive has no shares: 0.
func Share[T MilliCPU | Bytes](a, of, whole T) T {
	if a <= 0 || of <= 0 || whole <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(a), uint64(of))
	if high >= uint64(whole) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return T(min(quotient, math.MaxInt64))
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
func (s Size) Ceiling() Amounts { return s.Limits.orElse(s.Requests) }

// Claim gives the amounts that the container takes of its node when it is scheduled: the request, or the limit where
// there is no request, since Kubernetes then requests the limit.
func (s Size) Claim() Amounts { return s.Requests.orElse(s.Limits) }

func (a Amounts) orElse(other Amounts) Amounts {
	if !a.CPU.Present() {
		a.CPU = other.CPU
	}
	if !a.Memory.Present() {
		a.Memory = other.Memory
	}
	return a
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
// (pkg/apis/core/v1/helper/qos): every resource of every container has a class, and where they are not all the same the
// pod is Burstable. A pod without containers is BestEffort.
func QOSOf(containers ...Size) QOSClass {
	pod := BestEffort
	for i, c := range containers {
		for j, class := range []QOSClass{qosOf(c.Requests.CPU, c.Limits.CPU), qosOf(c.Requests.Memory, c.Limits.Memory)} {
			if i == 0 && j == 0 {
				pod = class
			}
			if class != pod {
				return Burstable
			}
		}
	}
	return pod
}

// qosOf is the class of one resource: Guaranteed where the limit equals the request, BestEffort where neither is set. An
// amount of zero counts as not set; a request that is absent counts as equal to the limit, to which it is defaulted.
func qosOf[T MilliCPU | Bytes](request, limit Opt[T]) QOSClass {
	l := limit.Or(0)
	switch r := request.Or(l); {
	case r != l:
		return Burstable
	case r == 0:
		return BestEffort
	default:
		return Guaranteed
	}
}
