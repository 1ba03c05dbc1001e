package clusterscaler

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

// cl reads from and writes to the suite's API server. There are no controllers and no kubelets: what they would do is
// part of each test.
var cl client.WithWatch

func TestClusterScaler(t *testing.T) {
	RegisterFailHandler(Fail)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyTimeout(20 * time.Second)
	RunSpecs(t, "clusterscaler")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	log.SetLogger(GinkgoLogr)
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	cl, err = installation.API(ctx, box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
	node := &corev1.Node{}
	node.Name = "node-1"
	Expect(cl.Create(ctx, node)).To(Succeed())
	node.Status.Allocatable = corev1.ResourceList{"cpu": quantity("16"), "memory": quantity("64Gi")}
	Expect(cl.Status().Update(ctx, node)).To(Succeed())
})
