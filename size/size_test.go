package size

import (
	"math"
	"testing"
)

func TestStrings(t *testing.T) {
	for name, tc := range map[string]struct {
		got, want string
	}{
		"whole cores have no suffix":                      {MilliCPU(2000).String(), "2"},
		"part of a core is in millicores":                 {MilliCPU(250).String(), "250m"},
		"no cpu is 0":                                     {MilliCPU(0).String(), "0"},
		"negative cpu keeps its sign":                     {MilliCPU(-1500).String(), "-1500m"},
		"the largest exact unit is taken":                 {(GiB).String(), "1Gi"},
		"1.5 GiB is in MiB":                               {(1536 * MiB).String(), "1536Mi"},
		"memory that is no whole MiB is in KiB":           {(MiB + KiB).String(), "1025Ki"},
		"memory that is no whole KiB is in bytes":         {Bytes(1025).String(), "1025"},
		"no memory is 0":                                  {Bytes(0).String(), "0"},
		"an absent amount is none, not 0":                 {Opt[Bytes]{}.String(), "none"},
		"a present amount of zero is 0":                   {Of(Bytes(0)).String(), "0"},
		"amounts name both resources, the absent one too": {Amounts{Memory: Of(512 * MiB)}.String(), "cpu none, memory 512Mi"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
}

func TestRoundUp(t *testing.T) {
	for name, tc := range map[string]struct {
		b, step, want Bytes
	}{
		"a multiple stays":                          {2 * MiB, MiB, 2 * MiB},
		"one byte more is the next multiple":        {2*MiB + 1, MiB, 3 * MiB},
		"zero stays":                                {0, MiB, 0},
		"a negative amount goes up, towards zero":   {-MiB - 1, MiB, -MiB},
		"what cannot be rounded up stays, unlost":   {math.MaxInt64, MiB, math.MaxInt64},
		"the largest multiple can still be reached": {math.MaxInt64 - 2*MiB, MiB, math.MaxInt64 - 2*MiB + 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.b.RoundUp(tc.step); got != tc.want {
				t.Errorf("RoundUp(%d, %d) = %d, want %d", tc.b, tc.step, got, tc.want)
			}
		})
	}
}

func TestSumAndShareSaturate(t *testing.T) {
	for name, tc := range map[string]struct {
		got, want Bytes
	}{
		"a sum":                                  {Sum(GiB, 512*MiB), 1536 * MiB},
		"an empty sum is zero":                   {Sum[Bytes](), 0},
		"a sum above the largest is the largest": {Sum[Bytes](math.MaxInt64, 1), math.MaxInt64},
		"a sum below the smallest is it":         {Sum[Bytes](math.MinInt64, -1), math.MinInt64},
		"a share is rounded down":                {Share[Bytes](10, 1, 3), 3},
		"a share whose product needs 128 bits":   {Share[Bytes](math.MaxInt64, 900, 1000), 8301034833169298226},
		"a share above the largest is it":        {Share[Bytes](math.MaxInt64, 3, 2), math.MaxInt64},
		"a share far above the largest is it":    {Share[Bytes](math.MaxInt64, math.MaxInt64, 1), math.MaxInt64},
		"nothing has no share":                   {Share[Bytes](0, 5, 10), 0},
		"no division by a whole that is zero":    {Share[Bytes](5, 5, 0), 0},
		"what is negative has no share":          {Share[Bytes](-5, 5, 10), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %d, want %d", tc.got, tc.want)
			}
		})
	}
}

// of makes a size from requests and limits; a negative amount is an absent one.
func of(cpuRequest MilliCPU, memoryRequest Bytes, cpuLimit MilliCPU, memoryLimit Bytes) Size {
	return Size{Requests: Amounts{opt(cpuRequest), opt(memoryRequest)}, Limits: Amounts{opt(cpuLimit), opt(memoryLimit)}}
}

func opt[T MilliCPU | Bytes](v T) Opt[T] {
	if v < 0 {
		return Opt[T]{}
	}
	return Of(v)
}

func TestCeilingAndClaimStandInForEachOther(t *testing.T) {
	for name, tc := range map[string]struct {
		size           Size
		ceiling, claim Amounts
	}{
		"requests and limits":     {of(1, 2, 3, 4), Amounts{Of(MilliCPU(3)), Of(Bytes(4))}, Amounts{Of(MilliCPU(1)), Of(Bytes(2))}},
		"requests only":           {of(1, 2, -1, -1), Amounts{Of(MilliCPU(1)), Of(Bytes(2))}, Amounts{Of(MilliCPU(1)), Of(Bytes(2))}},
		"limits only":             {of(-1, -1, 3, 4), Amounts{Of(MilliCPU(3)), Of(Bytes(4))}, Amounts{Of(MilliCPU(3)), Of(Bytes(4))}},
		"each resource by itself": {of(1, -1, -1, 4), Amounts{Of(MilliCPU(1)), Of(Bytes(4))}, Amounts{Of(MilliCPU(1)), Of(Bytes(4))}},
		"nothing stays absent":    {Size{}, Amounts{}, Amounts{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.size.Ceiling(); got != tc.ceiling {
				t.Errorf("Ceiling() = %s, want %s", got, tc.ceiling)
			}
			if got := tc.size.Claim(); got != tc.claim {
				t.Errorf("Claim() = %s, want %s", got, tc.claim)
			}
		})
	}
}

// The rule is read from kubernetes 1.37, pkg/apis/core/v1/helper/qos: ComputePodQOS, requirementsQOS, resourceQOS.
func TestQOSOf(t *testing.T) {
	guaranteed := of(100, 100, 100, 100)
	for name, tc := range map[string]struct {
		containers []Size
		want       QOSClass
	}{
		"no containers":                                            {nil, BestEffort},
		"nothing set":                                              {[]Size{{}}, BestEffort},
		"all zero counts as nothing set":                           {[]Size{of(0, 0, 0, 0)}, BestEffort},
		"both limits equal to both requests":                       {[]Size{guaranteed}, Guaranteed},
		"requests that are absent are defaulted to the limits":     {[]Size{of(-1, -1, 100, 100)}, Guaranteed},
		"memory equal but cpu not":                                 {[]Size{of(50, 100, 100, 100)}, Burstable},
		"cpu equal but memory not":                                 {[]Size{of(100, 50, 100, 100)}, Burstable},
		"only memory is set, and equal":                            {[]Size{of(-1, 100, -1, 100)}, Burstable},
		"memory equal and cpu limited to zero":                     {[]Size{of(0, 100, 0, 100)}, Burstable},
		"a request of zero under a limit is not that limit":        {[]Size{of(0, 100, 100, 100)}, Burstable},
		"requests only":                                            {[]Size{of(100, 100, -1, -1)}, Burstable},
		"one cpu request":                                          {[]Size{of(1, -1, -1, -1)}, Burstable},
		"every container guaranteed":                               {[]Size{guaranteed, of(1, 1, 1, 1)}, Guaranteed},
		"a sidecar that sets nothing makes a guaranteed pod burst": {[]Size{guaranteed, {}}, Burstable},
		"a sidecar that comes first does too":                      {[]Size{{}, guaranteed}, Burstable},
		"a burstable sidecar makes the pod burstable":              {[]Size{guaranteed, of(1, 1, 2, 2)}, Burstable},
		"equal sums over containers are not equal containers":      {[]Size{of(100, 50, 100, 100), of(100, 100, 100, 50)}, Burstable},
		"two containers that set nothing":                          {[]Size{{}, {}}, BestEffort},
	} {
		t.Run(name, func(t *testing.T) {
			if got := QOSOf(tc.containers...); got != tc.want {
				t.Errorf("QOSOf() = %s, want %s", got, tc.want)
			}
		})
	}
}
