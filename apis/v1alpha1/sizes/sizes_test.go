package sizes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

func TestWhatIsNotAPositiveAmountIsAbsent(t *testing.T) {
	tests := map[string]struct {
		cpu, memory string
		want        size.Amounts
	}{
		"plain amounts are read": {
			cpu: "250m", memory: "512Mi",
			want: size.Amounts{CPU: size.Of(size.MilliCPU(250)), Memory: size.Of(512 * size.MiB)},
		},
		"a fraction of a millicore and of a byte is rounded up, never down to zero": {
			cpu: "100u", memory: "1500m",
			want: size.Amounts{CPU: size.Of(size.MilliCPU(1)), Memory: size.Of(size.Bytes(2))},
		},
		"nanocores, as the metrics API writes them, are rounded up": {
			cpu: "1000001n", memory: "1k",
			want: size.Amounts{CPU: size.Of(size.MilliCPU(2)), Memory: size.Of(size.Bytes(1000))},
		},
		"zero means none, as it does for Kubernetes":           {cpu: "0", memory: "0Mi"},
		"a negative amount is garbage":                         {cpu: "-1", memory: "-512Mi"},
		"an amount too large to reckon with is garbage":        {cpu: "1e18", memory: "1e30"},
		"millicores that would overflow are garbage, not less": {cpu: "9223372036854776", memory: "9223372036854775807"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cpu, memory := resource.MustParse(tc.cpu), resource.MustParse(tc.memory)
			list := corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory}
			got := sizes.OfContainer(corev1.ResourceRequirements{Requests: list, Limits: list})
			if want := (size.Size{Requests: tc.want, Limits: tc.want}); got != want {
				t.Errorf("OfContainer gives %+v, want %+v", got, want)
			}
			if got := sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{CPU: &cpu, Memory: &memory}); got != tc.want {
				t.Errorf("AmountsFromAPI gives %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAbsentStaysAbsent(t *testing.T) {
	negative := int32(-1)
	for name, got := range map[string]size.Size{
		"no size":                        sizes.FromAPI(nil),
		"an empty size":                  sizes.FromAPI(&v1alpha1.Size{}),
		"empty amounts":                  sizes.FromAPI(&v1alpha1.Size{Requests: &v1alpha1.ResourceAmounts{}}),
		"negative replicas":              sizes.FromAPI(&v1alpha1.Size{Replicas: &negative}),
		"a container without any":        sizes.OfContainer(corev1.ResourceRequirements{}),
		"a container with only a device": sizes.OfContainer(corev1.ResourceRequirements{Limits: corev1.ResourceList{"example.com/gpu": resource.MustParse("1")}}),
	} {
		if got != (size.Size{}) {
			t.Errorf("%s gives %+v, want everything absent", name, got)
		}
	}
	if diff := cmp.Diff(v1alpha1.Size{}, sizes.ToAPI(size.Size{})); diff != "" {
		t.Errorf("ToAPI of nothing (-want +got):\n%s", diff)
	}
	if got := sizes.Resources(size.Size{}); got.Requests != nil || got.Limits != nil {
		t.Errorf("Resources of nothing gives %+v, want no lists", got)
	}
}

func TestASizeSurvivesTheWayThereAndBack(t *testing.T) {
	s := size.Size{
		Replicas: size.Of(int32(0)),
		Requests: size.Amounts{CPU: size.Of(size.MilliCPU(1250)), Memory: size.Of(768 * size.MiB)},
		Limits:   size.Amounts{Memory: size.Of(3*size.GiB + 1)},
	}
	api := sizes.ToAPI(s)
	if got := sizes.FromAPI(&api); got != s {
		t.Errorf("through the API: %+v, want %+v", got, s)
	}
	ofContainer := s
	ofContainer.Replicas = size.Opt[int32]{}
	if got := sizes.OfContainer(sizes.Resources(s)); got != ofContainer {
		t.Errorf("through a container: %+v, want %+v", got, ofContainer)
	}
	if got, want := api.Requests.Memory.String(), "768Mi"; got != want {
		t.Errorf("memory is written %q, want %q", got, want)
	}
	if got, want := api.Requests.CPU.String(), "1250m"; got != want {
		t.Errorf("CPU is written %q, want %q", got, want)
	}
	if api.Limits.CPU != nil {
		t.Errorf("an absent CPU limit is written as %s", api.Limits.CPU)
	}
}
