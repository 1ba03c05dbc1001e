package config_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/test/sandbox"
)

func TestManifests(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "manifests")
}

var clients kubernetes.Interface

var _ = BeforeSuite(func(ctx SpecContext) {
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	clients, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

var _ = Describe("The manager's manifests", func() {
	It("make a pod that the namespace's restricted Pod Security admits", func(ctx SpecContext) {
		namespace := manifest[corev1.Namespace]("manager/namespace.yaml")
		Expect(namespace.Labels).To(HaveKeyWithValue("pod-security.kubernetes.io/enforce", "restricted"))
		_, err := clients.CoreV1().Namespaces().Create(ctx, &namespace, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		account := manifest[corev1.ServiceAccount]("rbac/service_account.yaml")
		_, err = clients.CoreV1().ServiceAccounts(namespace.Name).Create(ctx, &account, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())

		deployment := manifest[appsv1.Deployment]("manager/deployment.yaml")
		_, err = clients.AppsV1().Deployments(namespace.Name).Create(ctx, &deployment, strictly())
		Expect(err).NotTo(HaveOccurred())
		Expect(pod(ctx, namespace.Name, deployment.Spec.Template)).To(Succeed())

		deployment.Spec.Template.Spec.Containers[0].SecurityContext.Capabilities = nil
		Expect(pod(ctx, namespace.Name, deployment.Spec.Template)).To(MatchError(ContainSubstring("unrestricted capabilities")),
			"a pod that may do more is refused, or the first one proves nothing")
	})

	It("give the manager a configuration that it can read", func() {
		_, err := configv1alpha1.Load("manager/config.yaml")
		Expect(err).NotTo(HaveOccurred())
	})

	It("bind the manager's service account to both of its roles", func() {
		for _, kind := range []string{"ClusterRole", "Role"} {
			Expect(bytes.Contains(file("rbac/role.yaml"), []byte("\nkind: "+kind+"\nmetadata:\n  name: metapilot-manager\n"))).To(BeTrue(), kind)
			Expect(bytes.Contains(file("rbac/role_binding.yaml"), []byte("\n  kind: "+kind+"\n  name: metapilot-manager\n"))).To(BeTrue(), kind)
		}
	})
})

func strictly() metav1.CreateOptions {
	return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
}

// pod tries to make a pod of the template.
func pod(ctx context.Context, namespace string, template corev1.PodTemplateSpec) error {
	p := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	p.Name = "manager"
	_, err := clients.CoreV1().Pods(namespace).Create(ctx, p, strictly())
	return err
}

func file(name string) []byte {
	GinkgoHelper()
	data, err := os.ReadFile(name)
	Expect(err).NotTo(HaveOccurred())
	return data
}

// manifest is the object in a file, read strictly.
func manifest[T any](name string) T {
	GinkgoHelper()
	var out T
	Expect(yaml.UnmarshalStrict(file(name), &out)).To(Succeed(), name)
	return out
}
