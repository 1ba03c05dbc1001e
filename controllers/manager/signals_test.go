package manager_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/manager"
	"github.com/metapilot/metapilot/scalers/signals"
)

var _ = Describe("The manager's signals", func() {
	It("are asked for at the Prometheus of profiles, with its token and matchers, by a manager that does not lead too", func(ctx SpecContext) {
		var mu sync.Mutex
		asked := map[string]string{} // the token, by query
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			asked[r.FormValue("query")] = r.Header.Get("Authorization")
		}))
		DeferCleanup(server.Close)
		token := filepath.Join(GinkgoT().TempDir(), "token")
		Expect(os.WriteFile(token, []byte("secret"), 0o600)).To(Succeed())

		holds := newConfig("signals")
		leads := make(chan struct{})
		run(options(holds, manager.Controller{Name: "leads", Setup: func(_ context.Context, mgr ctrlmanager.Manager, d manager.Dependencies) error {
			_, err := d.Signals.Fresh(signals.Seats)
			Expect(err).To(MatchError("Seats has not been measured: the source has no values of managed namespaces"), "nothing is configured")
			return mgr.Add(ctrlmanager.RunnableFunc(func(context.Context) error { close(leads); return nil }))
		}}))
		Eventually(leads).Should(BeClosed())

		config := newConfig("signals")
		config.Profiles.Prometheus.Address, config.Profiles.Prometheus.BearerTokenFile = server.URL, token
		config.Profiles.Prometheus.Matchers = []configv1alpha1.Matcher{{Label: "cluster", Op: "=", Value: "eu"}}
		config.Signals.Queries = []configv1alpha1.SignalQuery{{Signal: string(signals.Names()[0]), Query: "own{$matchers}"}}
		run(options(config))
		Eventually(func() string {
			mu.Lock()
			defer mu.Unlock()
			for query, authorization := range asked {
				return query + " " + authorization
			}
			return ""
		}).Should(Equal(`own{cluster="eu"} Bearer secret`))
		Eventually(readyz(ctx, config)).Should(Equal(http.StatusOK), "a server that answers with nothing holds nobody up")
	})

	It("fail with the path of what is wrong", func(ctx SpecContext) {
		config := newConfig("wrong")
		config.Signals.Prometheus.Address = "prometheus:9090"
		Expect(manager.Run(ctx, options(config))).To(MatchError(ContainSubstring(`signals.prometheus: the settings of prometheus: address`)))
	})
})
