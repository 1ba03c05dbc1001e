package usage

import (
	"math"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/metapilot/metapilot/size"
)

const (
	// StaleIntervals: a sample older than so many intervals says nothing of the present.
	StaleIntervals = 3

	// FutureTolerance is by how much the clocks of the source and of Metapilot may differ.
	FutureTolerance = time.Minute

	// More than this is not a measurement: about a million cores, 2^50 bytes.
	maxCores = 1 << 20
	maxBytes = 1 << 50
)

// Reading is what the source says of one container, unjudged. CPU and Memory are quantities as text, "" where the source
// gives none; MeasuredAt is zero where it gives no time that can be read. Window is the time before it over which the CPU
// was averaged, 0 where the source does not say.
type Reading struct {
	Namespace, Pod, Container string
	MeasuredAt                time.Time
	Window                    time.Duration
	CPU, Memory               string
}

// Usage is what a container used when the source measured it. At least one of the amounts is present.
type Usage struct {
	MeasuredAt time.Time
	size.Amounts
}

// Result says what became of a reading.
type Result string

const (
	// ResultOK: both amounts are known.
	ResultOK Result = "ok"
	// ResultAbsent: the source gave no amount of memory, or none of CPU; the other one counts.
	ResultAbsent Result = "absent"
	// ResultZeroMemory: a memory usage of 0, which no running container has; the CPU counts.
	ResultZeroMemory Result = "zeroMemory"
	// ResultMalformed: an amount is not a number, or larger than any machine; the other one counts.
	ResultMalformed Result = "malformed"
	// ResultNegative: an amount is below 0; the other one counts.
	ResultNegative Result = "negative"
	// ResultNoTimestamp: the source does not say when it measured; nothing counts.
	ResultNoTimestamp Result = "noTimestamp"
	// ResultStale: measured too long ago; nothing counts.
	ResultStale Result = "stale"
	// ResultFuture: measured later than now; nothing counts.
	ResultFuture Result = "future"
)

// Judge gives what a reading is worth at a time. The Usage holds the amounts that count; ok is false where none does.
// The result names what is wrong, the memory's fault before the CPU's.
func Judge(r Reading, now time.Time, maxAge time.Duration) (u Usage, result Result, ok bool) {
	switch {
	case r.MeasuredAt.IsZero() || r.MeasuredAt.Unix() == 0:
		return Usage{}, ResultNoTimestamp, false
	case now.Sub(r.MeasuredAt) > maxAge:
		return Usage{}, ResultStale, false
	case r.MeasuredAt.Sub(now) > FutureTolerance:
		return Usage{}, ResultFuture, false
	}
	u.MeasuredAt = r.MeasuredAt
	cpu, cpuResult := r.MilliCPU()
	if cpuResult == ResultOK {
		u.CPU = size.Of(size.MilliCPU(math.Ceil(cpu)))
	}
	memory, result := r.Bytes()
	if result == ResultOK {
		u.Memory, result = size.Of(size.Bytes(memory)), cpuResult
	}
	return u, result, u.Amounts != (size.Amounts{})
}

// MilliCPU gives the CPU in thousandths of a core, as exactly as the source wrote it, to the nanocore. It counts where the
// result is ResultOK.
func (r Reading) MilliCPU() (float64, Result) {
	q, result := amount(r.CPU, maxCores)
	return float64(q.ScaledValue(resource.Nano)) / 1e6, result
}

// Bytes gives the memory. It counts where the result is ResultOK.
func (r Reading) Bytes() (float64, Result) {
	q, result := amount(r.Memory, maxBytes)
	if result == ResultOK && q.Sign() == 0 {
		result = ResultZeroMemory
	}
	return float64(q.Value()), result
}

func amount(text string, most int64) (resource.Quantity, Result) {
	if text == "" {
		return resource.Quantity{}, ResultAbsent
	}
	if boundless(text) {
		return resource.Quantity{}, ResultMalformed
	}
	q, err := resource.ParseQuantity(text)
	switch {
	case err != nil:
		return resource.Quantity{}, ResultMalformed
	case q.Sign() < 0:
		return resource.Quantity{}, ResultNegative
	case q.CmpInt64(most) > 0:
		return resource.Quantity{}, ResultMalformed
	default:
		return q, ResultOK
	}
}

// boundless tells whether reading the text could take long: a Quantity computes "1e9999999" to the last of its digits,
// which takes seconds (found by FuzzJudge). No measurement is that long, or has an exponent of three digits.
func boundless(text string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	return len(text) > 40 || len(exponent) > len("+99")
}
