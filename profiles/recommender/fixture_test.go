package recommender

import (
	"context"
	"encoding/json"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
)

func countApply(n *int) func(ctx context.Context, c client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
	return func(ctx context.Context, c client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
		*n++
		return c.SubResource(sub).Apply(ctx, o, opts...)
	}
}

// both is a source of two worlds.
type both struct{ a, b *world }

// Name of the source.
func (both) Name() string { return "both" }

// Read gives what is used in both.
func (s both) Read(ctx context.Context, yield func(sources.Sample)) (sources.Report, error) {
	_, errA := s.a.Read(ctx, yield)
	_, errB := s.b.Read(ctx, yield)
	return sources.Report{}, errors.Join(errA, errB)
}

func mustParse(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// asJSON is how the API would show it: quantities and times compare by what they say.
func asJSON(v any) string {
	GinkgoHelper()
	out, err := json.Marshal(v)
	Expect(err).NotTo(HaveOccurred())
	return string(out)
}

func newState() *profiles.State { return profiles.New(profiles.Auto{Kind: profiles.KindEtcd}) }

func (w *world) pod(ctx context.Context, name string) *corev1.Pod {
	GinkgoHelper()
	pod := &corev1.Pod{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: name}, pod)).To(Succeed())
	return pod
}
