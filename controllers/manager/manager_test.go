package manager_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/manager"
)

// holder gives the identity that holds the Lease, "" where none does.
func holder(ctx context.Context, lease string) func() (string, error) {
	return func() (string, error) {
		l, err := kube.CoordinationV1().Leases(home).Get(ctx, lease, metav1.GetOptions{})
		if err != nil || l.Spec.HolderIdentity == nil {
			return "", err
		}
		return *l.Spec.HolderIdentity, nil
	}
}

// acts is a row whose runnable says when it was started, which is when its manager leads.
func acts(started *atomic.Bool) manager.Controller {
	return manager.Controller{Name: "acts", Setup: func(_ context.Context, mgr ctrlmanager.Manager, _ manager.Dependencies) error {
		return mgr.Add(ctrlmanager.RunnableFunc(func(ctx context.Context) error {
			started.Store(true)
			<-ctx.Done()
			return nil
		}))
	}}
}

var _ = Describe("a manager", func() {
	It("becomes ready, leads, and gives its Lease back when it stops", func(ctx SpecContext) {
		config := newConfig("alone")
		var leads atomic.Bool
		m := run(options(config, acts(&leads)))
		Eventually(readyz(ctx, config)).Should(Equal(http.StatusOK))
		Eventually(leads.Load).Should(BeTrue())
		Expect(holder(ctx, "alone")()).NotTo(BeEmpty())
		m.stop()
		Eventually(m.done).Should(Receive(BeNil()))
		Expect(holder(ctx, "alone")()).To(BeEmpty())
	})

	It("is followed at once by the one that stands by", func(ctx SpecContext) {
		firstConfig, secondConfig := newConfig("pair"), newConfig("pair")
		// Without the release the second one could not act for ten minutes: longer than the test waits.
		for _, c := range []*configv1alpha1.Configuration{firstConfig, secondConfig} {
			c.LeaderElection.LeaseSeconds, c.LeaderElection.RenewSeconds, c.LeaderElection.RetrySeconds = 600, 300, 1
		}
		var firstLeads, secondLeads atomic.Bool
		first := run(options(firstConfig, acts(&firstLeads)))
		Eventually(firstLeads.Load).Should(BeTrue())
		run(options(secondConfig, acts(&secondLeads)))
		Eventually(readyz(ctx, secondConfig)).Should(Equal(http.StatusOK), "a standby is ready")
		Expect(secondLeads.Load()).To(BeFalse())
		first.stop()
		Eventually(first.done).Should(Receive(BeNil()))
		Eventually(secondLeads.Load).Should(BeTrue())
	})

	It("lets what runs finish before it gives the Lease back", func(ctx SpecContext) {
		config := newConfig("graceful")
		var began atomic.Bool
		finish := make(chan struct{})
		m := run(options(config, manager.Controller{Name: "slow", Setup: func(_ context.Context, mgr ctrlmanager.Manager, _ manager.Dependencies) error {
			return mgr.Add(ctrlmanager.RunnableFunc(func(context.Context) error { began.Store(true); <-finish; return nil }))
		}}))
		Eventually(began.Load).Should(BeTrue())
		m.stop()
		Consistently(m.done, "500ms").ShouldNot(Receive())
		Expect(holder(ctx, "graceful")()).NotTo(BeEmpty())
		close(finish)
		Eventually(m.done).Should(Receive(BeNil()))
		Expect(holder(ctx, "graceful")()).To(BeEmpty())
	})

	It("shows its metrics only to those who may see them", func(ctx SpecContext) {
		config := newConfig("metrics")
		run(options(config))
		Eventually(readyz(ctx, config)).Should(Equal(http.StatusOK))
		url := "https://" + config.Metrics.BindAddress + "/metrics"
		allowed, other := tokenOf(ctx, "scraper"), tokenOf(ctx, "somebody")
		allowMetrics(ctx, "scraper")

		Eventually(func() int { code, _ := get(ctx, url, ""); return code }).Should(Equal(http.StatusUnauthorized))
		code, body := get(ctx, url, "no-token")
		Expect(code).To(Equal(http.StatusInternalServerError), "controller-runtime's answer to a token that is none")
		Expect(body).NotTo(ContainSubstring("metapilot_"))
		code, _ = get(ctx, url, other)
		Expect(code).To(Equal(http.StatusForbidden))
		Eventually(func() int { code, _ := get(ctx, url, allowed); return code }).Should(Equal(http.StatusOK))
		_, body = get(ctx, url, allowed)
		Expect(body).To(ContainSubstring("metapilot_usage_containers"))
	})

	It("shows them to everybody when authentication is off", func(ctx SpecContext) {
		config := newConfig("open")
		config.Metrics.Authentication = configv1alpha1.Disabled
		run(options(config))
		Eventually(readyz(ctx, config)).Should(Equal(http.StatusOK))
		Eventually(func() int { code, _ := get(ctx, "https://"+config.Metrics.BindAddress+"/metrics", ""); return code }).Should(Equal(http.StatusOK))
	})

	It("serves profiles only where it is told to", func(ctx SpecContext) {
		config := newConfig("pprof")
		config.Pprof.BindAddress = freeAddress()
		run(options(config))
		Eventually(func() int {
			code, _ := get(ctx, "http://"+config.Pprof.BindAddress+"/debug/pprof/cmdline", "")
			return code
		}).Should(Equal(http.StatusOK))
	})

	It("names the controller that could not be set up", func(ctx SpecContext) {
		failure := errors.New("no luck")
		err := manager.Run(ctx, options(newConfig("unlucky"), manager.Controller{Name: "unlucky", Setup: func(context.Context, ctrlmanager.Manager, manager.Dependencies) error {
			return failure
		}}))
		Expect(err).To(MatchError(failure))
		Expect(err).To(MatchError(ContainSubstring("setting up unlucky")))
	})

	It("says what is missing in a cluster without its CustomResourceDefinitions", func() {
		Expect(withoutCRD).To(MatchError(ContainSubstring("install its CustomResourceDefinitions first")))
	})

	It("hands every row the same dependencies", func(ctx SpecContext) {
		var got manager.Dependencies
		config := newConfig("dependencies")
		run(options(config, manager.Controller{Name: "row", Setup: func(_ context.Context, _ ctrlmanager.Manager, d manager.Dependencies) error {
			got = d
			return nil
		}}))
		Eventually(readyz(ctx, config)).Should(Equal(http.StatusOK))
		Expect(got.Config).To(BeIdenticalTo(config))
		_, err := got.Fleet.Nodes(ctx)
		Expect(err).NotTo(HaveOccurred())
		_, err = got.Usage.Fresh()
		Expect(err).To(HaveOccurred(), "a collector that is turned off knows nothing, and says so")
	})
})

// tokenOf makes a service account and gives a token of it.
func tokenOf(ctx context.Context, name string) string {
	accounts := kube.CoreV1().ServiceAccounts(home)
	_, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	token, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return token.Status.Token
}

// allowMetrics lets a service account read /metrics.
func allowMetrics(ctx context.Context, account string) {
	const name = "metrics-reader"
	_, err := kube.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	_, err = kube.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: home, Name: account}},
	}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
}
