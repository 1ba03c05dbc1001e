package usage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/size"
)

var (
	noon   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	maxAge = 45 * time.Second
)

func used(at time.Time, milli size.MilliCPU, bytes size.Bytes) Usage {
	return Usage{MeasuredAt: at, Amounts: size.Amounts{CPU: size.Of(milli), Memory: size.Of(bytes)}}
}

func TestJudge(t *testing.T) {
	at := noon.Add(-10 * time.Second)
	onlyCPU := Usage{MeasuredAt: at, Amounts: size.Amounts{CPU: size.Of(size.MilliCPU(250))}}
	onlyMemory := Usage{MeasuredAt: at, Amounts: size.Amounts{Memory: size.Of(size.GiB)}}
	for name, tc := range map[string]struct {
		at          time.Time
		cpu, memory string
		want        Usage
		wantResult  Result
	}{
		"a sample counts":                        {at: at, cpu: "250m", memory: "1Gi", want: used(at, 250, size.GiB), wantResult: ResultOK},
		"nanocores are rounded up":               {at: at, cpu: "249000001n", memory: "1048576Ki", want: used(at, 250, size.GiB), wantResult: ResultOK},
		"a CPU usage of 0 is data":               {at: at, cpu: "0", memory: "1Gi", want: used(at, 0, size.GiB), wantResult: ResultOK},
		"a memory usage of 0 is not":             {at: at, cpu: "250m", memory: "0", want: onlyCPU, wantResult: ResultZeroMemory},
		"absent memory is unknown, not zero":     {at: at, cpu: "250m", want: onlyCPU, wantResult: ResultAbsent},
		"absent CPU is unknown, not zero":        {at: at, memory: "1Gi", want: onlyMemory, wantResult: ResultAbsent},
		"nothing is nothing":                     {at: at, wantResult: ResultAbsent},
		"not a number":                           {at: at, cpu: "NaN", memory: "1Gi", want: onlyMemory, wantResult: ResultMalformed},
		"infinite":                               {at: at, cpu: "250m", memory: "+Inf", want: onlyCPU, wantResult: ResultMalformed},
		"more than any machine has":              {at: at, cpu: "250m", memory: "1e30", want: onlyCPU, wantResult: ResultMalformed},
		"an exponent that takes forever":         {at: at, cpu: "250m", memory: "1e-2147483648", want: onlyCPU, wantResult: ResultMalformed},
		"an exponent as Kubernetes writes it":    {at: at, cpu: "250e-3", memory: "1e+09", want: used(at, 250, 1_000_000_000), wantResult: ResultOK},
		"negative memory":                        {at: at, cpu: "250m", memory: "-1Gi", want: onlyCPU, wantResult: ResultNegative},
		"negative CPU":                           {at: at, cpu: "-1n", memory: "1Gi", want: onlyMemory, wantResult: ResultNegative},
		"the memory's fault is named first":      {at: at, cpu: "-1", memory: "x", wantResult: ResultMalformed},
		"no time":                                {cpu: "250m", memory: "1Gi", wantResult: ResultNoTimestamp},
		"the time 0 of Unix":                     {at: time.Unix(0, 0), cpu: "250m", memory: "1Gi", wantResult: ResultNoTimestamp},
		"just not stale":                         {at: noon.Add(-maxAge), cpu: "250m", memory: "1Gi", want: used(noon.Add(-maxAge), 250, size.GiB), wantResult: ResultOK},
		"stale":                                  {at: noon.Add(-maxAge - 1), cpu: "250m", memory: "1Gi", wantResult: ResultStale},
		"a little ahead: clocks differ":          {at: noon.Add(FutureTolerance), cpu: "250m", memory: "1Gi", want: used(noon.Add(FutureTolerance), 250, size.GiB), wantResult: ResultOK},
		"from the future, it would never be old": {at: noon.Add(FutureTolerance + 1), cpu: "250m", memory: "1Gi", wantResult: ResultFuture},
	} {
		t.Run(name, func(t *testing.T) {
			got, result, ok := Judge(Reading{MeasuredAt: tc.at, CPU: tc.cpu, Memory: tc.memory}, noon, maxAge)
			if result != tc.wantResult || ok != (tc.want.Amounts != size.Amounts{}) {
				t.Errorf("result %s, ok %v; want %s", result, ok, tc.wantResult)
			}
			if diff := cmp.Diff(tc.want.Amounts, got.Amounts, cmp.AllowUnexported(size.Opt[size.MilliCPU]{}, size.Opt[size.Bytes]{})); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzJudge: whatever the source says, what counts is neither negative nor beyond measure, and no memory is zero.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{"", "0", "250m", "1Gi", "-1", "NaN", "1e30", "-0", "9223372036854775807", "1n", "0.0000000001", "1E", "٣"} {
		f.Add(seed, "1Gi", int64(0))
		f.Add("1", seed, int64(-10))
	}
	f.Fuzz(func(t *testing.T, cpu, memory string, age int64) {
		r := Reading{MeasuredAt: noon.Add(time.Duration(age)), CPU: cpu, Memory: memory}
		u, result, ok := Judge(r, noon, maxAge)
		if milli, known := u.CPU.Get(); known && (milli < 0 || milli > maxCores*1000) {
			t.Errorf("CPU %q is %d", cpu, milli)
		}
		if bytes, known := u.Memory.Get(); known && (bytes <= 0 || bytes > maxBytes) {
			t.Errorf("memory %q is %d", memory, bytes)
		}
		if ok != (u.CPU.Present() || u.Memory.Present()) || result == ResultOK && !(u.CPU.Present() && u.Memory.Present()) {
			t.Errorf("result %s, ok %v for %v", result, ok, u)
		}
		if ok && !u.MeasuredAt.Equal(r.MeasuredAt) {
			t.Errorf("measured at %s, want the source's %s", u.MeasuredAt, r.MeasuredAt)
		}
	})
}
