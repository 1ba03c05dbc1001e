package manager_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/manager"
	"github.com/metapilot/metapilot/test/sandbox"
)

// home is the namespace of the managers.
const home = "metapilot-system"

var (
	box        *sandbox.Sandbox
	kube       kubernetes.Interface
	withoutCRD error // what a manager said before the CustomResourceDefinitions were installed
)

func TestManager(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(30 * time.Millisecond)
	RunSpecs(t, "manager")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	kube, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
	_, err = kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	withoutCRD = manager.Run(ctx, options(newConfig("early")))
	_, err = envtest.InstallCRDs(box.RESTConfig(), envtest.CRDInstallOptions{Paths: []string{filepath.Join("..", "..", "config", "crd", "bases")}})
	Expect(err).NotTo(HaveOccurred())
})

// freeAddress gives a loopback address that nobody listens on just now.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return l.Addr().String()
}

func newConfig(lease string) *configv1alpha1.Configuration {
	c := configv1alpha1.Default()
	c.LeaderElection.Namespace, c.LeaderElection.Name = home, lease
	c.Health.BindAddress, c.Metrics.BindAddress = freeAddress(), freeAddress()
	c.Usage.MetricsServer.State = configv1alpha1.Disabled
	Expect(configv1alpha1.Validate(c)).To(BeEmpty())
	return c
}

func options(c *configv1alpha1.Configuration, controllers ...manager.Controller) manager.Options {
	return manager.Options{Config: c, RESTConfig: box.RESTConfig(), Log: GinkgoLogr, Controllers: controllers}
}

// running is a manager that runs in this process.
type running struct {
	stop context.CancelFunc
	done chan error
}

func run(o manager.Options) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, done: make(chan error, 1)}
	go func() { r.done <- manager.Run(ctx, o); close(r.done) }()
	DeferCleanup(func() {
		stop()
		Eventually(r.done).Should(BeClosed())
	})
	return r
}

var insecure = &http.Client{Transport: &http.Transport{
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is the manager's own
	DisableKeepAlives: true,
}}

// get gives the status code and the body.
func get(ctx context.Context, url, token string) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := insecure.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(body)
}

func readyz(ctx context.Context, c *configv1alpha1.Configuration) func() int {
	return func() int {
		code, _ := get(ctx, fmt.Sprintf("http://%s/readyz", c.Health.BindAddress), "")
		return code
	}
}
