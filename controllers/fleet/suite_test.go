package fleet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/test/sandbox"
)

// The suite runs a real API server and etcd, and no controllers: what is in the MetaCluster is what a test puts there.
var (
	box    *sandbox.Sandbox
	scheme *runtime.Scheme
	api    client.Client // reads and writes live
)

func TestFleet(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "fleet")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	_, err = envtest.InstallCRDs(box.RESTConfig(), envtest.CRDInstallOptions{Paths: []string{filepath.Join("..", "..", "config", "crd", "bases")}})
	Expect(err).NotTo(HaveOccurred())
	scheme = runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	api, err = client.New(box.RESTConfig(), client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

// lists counts the lists that a Fleet asks of the API server, and lets a test do something before each.
type lists struct {
	client.Reader
	n      atomic.Int32
	before func()
}

func (l *lists) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	l.n.Add(1)
	if l.before != nil {
		l.before()
	}
	return l.Reader.List(ctx, list, opts...)
}

// memory is a running cache and its Fleet.
type memory struct {
	*fleet.Fleet
	registry *fleet.Registry
	cache    client.Reader
	live     *lists
}

// start runs caches until the test ends, or stop is called.
func start(ctx context.Context) *memory {
	registry := fleet.NewRegistry()
	mgr, err := ctrlmanager.New(box.RESTConfig(), ctrlmanager.Options{
		Scheme: scheme, Cache: fleet.Options(registry), Metrics: metricsserver.Options{BindAddress: "0"}, Logger: GinkgoLogr,
	})
	Expect(err).NotTo(HaveOccurred())
	_, synced, err := fleet.Setup(ctx, mgr, registry)
	Expect(err).NotTo(HaveOccurred())
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(running) }()
	DeferCleanup(func() {
		stop()
		Eventually(done).Should(Receive(Succeed()))
	})
	Eventually(synced.Load).Should(BeTrue())
	live := &lists{Reader: mgr.GetAPIReader()}
	return &memory{Fleet: fleet.New(mgr.GetCache(), live), registry: registry, cache: mgr.GetCache(), live: live}
}

var nextNamespace int

// newNamespace makes a namespace of its own for a test.
func newNamespace(ctx context.Context) string {
	nextNamespace++
	name := fmt.Sprintf("tenant-%d", nextNamespace)
	Expect(api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	// There is no controller manager that would make it.
	Expect(api.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "default"}})).To(Succeed())
	return name
}

func podSpec() corev1.PodSpec {
	amounts := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi"), corev1.ResourceCPU: resource.MustParse("100m")}
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64(0)), // no kubelet would confirm the end
		Containers: []corev1.Container{{
			Name: "main", Image: "example.com/image", Resources: corev1.ResourceRequirements{Requests: amounts, Limits: amounts},
		}},
	}
}

func newPod(ctx context.Context, namespace, name string, owner *metav1.OwnerReference) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": "main"}}, Spec: podSpec()}
	if owner != nil {
		pod.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	Expect(api.Create(ctx, pod)).To(Succeed())
	return pod
}

func newScaler(ctx context.Context, namespace, name string) *v1alpha1.ClusterScaler {
	scaler := &v1alpha1.ClusterScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ClusterScalerSpec{Components: []v1alpha1.Component{{
			Name: "main", Target: v1alpha1.Target{Kind: v1alpha1.TargetDeployment, Name: "main", Container: "main"},
		}}},
	}
	Expect(api.Create(ctx, scaler)).To(Succeed())
	return scaler
}

func newDeployment(ctx context.Context, namespace, name string) *appsv1.Deployment {
	labels := map[string]string{"app": "main"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec()},
		},
	}
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = nil
	Expect(api.Create(ctx, d)).To(Succeed())
	return d
}

func newReplicaSet(ctx context.Context, d *appsv1.Deployment, name string) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: name, OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment")),
		}},
		Spec: appsv1.ReplicaSetSpec{Selector: d.Spec.Selector, Template: d.Spec.Template},
	}
	Expect(api.Create(ctx, rs)).To(Succeed())
	return rs
}
