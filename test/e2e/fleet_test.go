package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	// fleetSize is how many tenants have a ClusterScaler in Auto.
	fleetSize = 200
	// bereft is how many of them are killed when the leader dies.
	bereft = 50
	// nodes hold them, and room to grow: a tenant requests 1.25 CPUs in 7 pods.
	nodes = 5
	// shortWatch is short, so that the end of a record is seen.
	shortWatch = 5 * time.Second
)

// fleet is a house full of tenants, and all kills of them.
type fleet struct {
	*house
	auto, dry, off, plain []string
	leader                *installation.Process
	kills                 []*killing
	told                  int // records of the dry run
}

var _ = Describe("A fleet of 200 tenants", Ordered, func() {
	var f *fleet

	BeforeAll(func(ctx SpecContext) {
		f = &fleet{house: newHouse(ctx, sandbox.Options{Controllers: true, Nodes: nodes})}
		f.auto, f.dry, f.off, f.plain = f.tenants(ctx, "tenant-", fleetSize), f.tenants(ctx, "dry-", 2), f.tenants(ctx, "off-", 1), f.tenants(ctx, "plain-", 2)
		Expect(f.box.WaitTenantsReady(ctx, slices.Concat(f.auto, f.dry, f.off, f.plain)...)).To(Succeed())
		f.scalers(ctx, v1alpha1.ModeAuto, shortWatch, f.auto...)
		f.scalers(ctx, v1alpha1.ModeDryRun, shortWatch, f.dry...)
		f.scalers(ctx, v1alpha1.ModeOff, shortWatch, f.off...)
		f.leader = f.start(ctx, f.manager, f.settings())
		f.ready(ctx, slices.Concat(f.auto, f.dry, f.off)...)
	})

	It("has OOMs answered, one after another", func(ctx SpecContext) {
		before := f.everyPod()
		var kills []*killing
		for i, name := range f.auto {
			k, err := f.kill(ctx, name, tenant.APIServer, i)
			Expect(err).NotTo(HaveOccurred())
			kills = append(kills, k)
			f.grow(ctx, k)
		}
		f.expectAnswered(ctx, "one after another, kube-apiserver", before, kills)
	})

	It("has OOMs answered that come in a burst, to pods that are called alike in every tenant", func(ctx SpecContext) {
		before := f.everyPod()
		kills := f.burst(ctx, tenant.Etcd, f.auto...)
		f.grow(ctx, kills...)
		f.expectAnswered(ctx, "in a burst, etcd", before, kills)
	})

	It("has every OOM answered once when the leader is killed in the middle of a burst", func(ctx SpecContext) {
		f.start(ctx, f.manager, f.settings()) // stands by
		holder := f.holder(ctx)
		before := f.everyPod()
		death := make(chan moment, 1)
		go func() {
			defer GinkgoRecover()
			defer close(death)
			resized := f.waitGrown(ctx, tenant.ControllerManager, bereft/4)
			f.leader.Kill()
			death <- moment{time.Now(), resized}
		}()
		kills := f.burst(ctx, tenant.ControllerManager, f.auto[:bereft/2]...)
		died := <-death
		kills = append(kills, f.burst(ctx, tenant.ControllerManager, f.auto[bereft/2:bereft]...)...) // nobody leads now
		f.grow(ctx, kills...)
		Expect(f.holder(ctx)).NotTo(Equal(holder))
		var first time.Time
		for _, k := range kills {
			if at, _ := f.grown(k); k.Sent.After(died.at) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		show("a change of leader", "%d OOMs were answered when the leader was killed; the next one answered the first of those that came then %.1f s later (the Lease lasts 15 s)",
			died.resized, first.Sub(died.at).Seconds())
		f.expectAnswered(ctx, "across a change of leader, kube-controller-manager", before, kills)
	})

	It("is told in a dry run what would be done, and nothing is done", func(ctx SpecContext) {
		before := f.everyPod()
		name := f.dry[0]
		k, err := f.kill(ctx, name, tenant.APIServer, 0)
		Expect(err).NotTo(HaveOccurred())
		var record v1alpha1.ScalingRecord
		Eventually(func(g Gomega) {
			w, err := f.read(ctx, name)
			g.Expect(err).NotTo(HaveOccurred())
			records := w.records[key{name, tenant.APIServer}]
			g.Expect(records).To(HaveLen(1))
			record = records[0]
			g.Expect(record.Status.Phase).To(Equal(v1alpha1.PhaseDryRun))
		}).WithContext(ctx).Should(Succeed())
		f.told = 1
		Expect(record.Spec.Mode).To(Equal(v1alpha1.ModeDryRun))
		Expect(record.Spec.Verdict).To(Equal(decision.VerdictScaleUp))
		Expect(record.Spec.Message).To(ContainSubstring("was OOM-killed at its memory limit of 512Mi"))
		Expect(record.Spec.From.Limits.Memory.String()).To(Equal("512Mi"))
		Expect(record.Spec.To.Limits.Memory.Value()).To(Equal(k.want()))
		Expect(record.Status.Message).To(Equal("dry run: nothing was changed; set spec.mode to Auto to have it done"))
		f.expectOnlyRestarted(ctx, before, k)
	})

	It("has nothing done and nothing told where it is off, or not enrolled", func(ctx SpecContext) {
		before := f.everyPod()
		off, err := f.kill(ctx, f.off[0], tenant.APIServer, 0)
		Expect(err).NotTo(HaveOccurred())
		plain, err := f.kill(ctx, f.plain[0], tenant.APIServer, 0)
		Expect(err).NotTo(HaveOccurred())
		// It has been seen, and so was what came before it.
		Eventually(func(g Gomega) {
			w, err := f.read(ctx, f.off[0])
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.status[key{f.off[0], tenant.APIServer}].Reason).To(Equal(decision.ReasonModeOff))
		}).WithContext(ctx).Should(Succeed())
		f.expectOnlyRestarted(ctx, before, off, plain)
	})

	It("has, in the end, one record for each OOM, everything whole, and nobody else touched", func(ctx SpecContext) {
		f.answered(ctx, f.kills)
		Expect(f.recorded(ctx)).To(Equal(len(f.kills) + f.told))
		Expect(f.kills).To(HaveLen(2*fleetSize + bereft))
	})

	It("is looked after by managers that were never forbidden anything and met no error", func() {
		f.loggedNoTrouble()
	})
})

// moment is when the leader died, and how many OOMs had been answered.
type moment struct {
	at      time.Time
	resized int
}

// settings are those that are shipped.
func (f *fleet) settings() installation.Settings {
	return installation.Settings{LeaderElection: true, ShippedLimits: true}
}

// burst kills one container of the component in each of the tenants, as fast as it can be reported.
func (f *fleet) burst(ctx context.Context, component string, tenants ...string) []*killing {
	GinkgoHelper()
	var mu sync.Mutex
	var kills []*killing
	Expect(each(ctx, tenants, func(ctx context.Context, name string) error {
		k, err := f.kill(ctx, name, component, int(name[len(name)-1]))
		mu.Lock()
		defer mu.Unlock()
		kills = append(kills, k)
		return err
	})).To(Succeed())
	return kills
}

// grow waits until every replica of the components that were killed was seen at a larger size.
func (f *fleet) grow(ctx context.Context, kills ...*killing) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, k := range kills {
		_, err := f.observer.WaitFor(ctx, observe.Of(k.Namespace, tenant.ComponentLabel, k.component), func(pods []observe.Pod) bool {
			_, ok := observe.Grown(pods, k.component, k.before[0].Memory[k.component])
			return ok
		})
		Expect(err).NotTo(HaveOccurred(), "waiting for the answer to the kill of %s", k)
	}
}

// waitGrown waits until so many pods of the component were resized, in all tenants together, and gives how many were.
func (f *fleet) waitGrown(ctx context.Context, component string, count int) int {
	GinkgoHelper()
	pods, err := f.observer.WaitFor(ctx, func(p observe.Pod) bool {
		return p.Labels[tenant.ComponentLabel] == component && len(p.Sizes[component]) > 1
	}, func(pods []observe.Pod) bool { return len(pods) >= count })
	Expect(err).NotTo(HaveOccurred())
	return len(pods)
}

// expectAnswered expects every kill to be answered once and whole, and nothing else to have happened.
func (f *fleet) expectAnswered(ctx context.Context, scene string, before []observe.Pod, kills []*killing) {
	GinkgoHelper()
	measure(scene, f.house, kills).show()
	f.kills = append(f.kills, kills...)
	f.answered(ctx, kills)
	Expect(f.untouched(before, kills)).To(BeEmpty())
	Expect(f.recorded(ctx)).To(Equal(len(f.kills) + f.told))
}

// expectOnlyRestarted expects the killed containers to be started again by the kubelet and nothing else to happen.
func (f *fleet) expectOnlyRestarted(ctx context.Context, before []observe.Pod, kills ...*killing) {
	GinkgoHelper()
	for _, k := range kills {
		Eventually(func() int32 {
			for _, p := range f.pods(k.Namespace, k.component) {
				if p.Name == k.Pod {
					return p.Restarts[k.component]
				}
			}
			return 0
		}).WithContext(ctx).Should(BeEquivalentTo(1))
		for i, p := range f.pods(k.Namespace, k.component) {
			Expect(p.UID).To(Equal(k.before[i].UID))
			Expect(p.Generation).To(Equal(k.before[i].Generation), fmt.Sprintf("the spec of %s/%s was changed", p.Namespace, p.Name))
		}
	}
	Expect(f.untouched(before, kills)).To(BeEmpty())
	Expect(f.recorded(ctx)).To(Equal(len(f.kills) + f.told))
}

// holder gives who holds the manager's Lease.
func (f *fleet) holder(ctx context.Context) string {
	GinkgoHelper()
	var lease coordinationv1.Lease
	Expect(f.client.Get(ctx, types.NamespacedName{Namespace: installation.Namespace, Name: "metapilot"}, &lease)).To(Succeed())
	Expect(lease.Spec.HolderIdentity).NotTo(BeNil())
	return *lease.Spec.HolderIdentity
}
