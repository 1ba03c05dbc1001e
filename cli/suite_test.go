package cli_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

// The suite runs the verbs in this process against a real API server, in which nobody but the suite writes: it plays the
// manager, and writes specs and statuses.

var (
	box     *sandbox.Sandbox
	api     client.Client
	clients kubernetes.Interface

	now = time.Date(2026, 1, 3, 12, 0, 0, 250_000_000, time.UTC)
)

func TestCLI(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "CLI")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	clients, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())

	By("asking before the API is installed")
	got := ask(ctx, "history", "-A")
	Expect(got.err).To(MatchError(ContainSubstring("does not know Metapilot's API: install it (kubectl apply -k config/crd)")))

	api, err = installation.API(ctx, box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

// answer is what a verb said.
type answer struct {
	out, errs string
	err       error
}

// ask runs a verb as the sandbox's admin, at a fixed time.
func ask(ctx context.Context, args ...string) answer { return reply(ctx, "", args...) }

// reply runs a verb that is answered from its standard input.
func reply(ctx context.Context, in string, args ...string) answer {
	var out, errs bytes.Buffer
	root := &cobra.Command{Use: "metapilot", SilenceErrors: true, SilenceUsage: true}
	root.SetOut(&out)
	root.SetErr(&errs)
	root.AddCommand(cli.Commands(cli.Options{
		Out: &out, Err: &errs, In: strings.NewReader(in), Clock: clocktesting.NewFakePassiveClock(now), UserAgent: "metapilot/suite",
	})...)
	verb := 1
	if args[0] == cobra.ShellCompRequestCmd {
		verb = 2 // its last argument is what is to be completed
	}
	root.SetArgs(slices.Insert(slices.Clone(args), verb, "--kubeconfig", box.KubeconfigPath()))
	err := root.ExecuteContext(ctx)
	return answer{out: out.String(), errs: errs.String(), err: err}
}

// tenant makes a namespace.
func tenant(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
}

// scaler makes a ClusterScaler of YAML, status included.
func scaler(ctx context.Context, manifest string) *v1alpha1.ClusterScaler {
	GinkgoHelper()
	o := &v1alpha1.ClusterScaler{}
	makeObject(ctx, manifest, o, func() func() { status := o.Status; return func() { o.Status = status } })
	return o
}

// record makes a ScalingRecord of YAML, status included.
func record(ctx context.Context, manifest string) {
	GinkgoHelper()
	o := &v1alpha1.ScalingRecord{}
	makeObject(ctx, manifest, o, func() func() { status := o.Status; return func() { o.Status = status } })
}

// profile makes a WorkloadProfile of YAML, status included.
func profile(ctx context.Context, manifest string) {
	GinkgoHelper()
	o := &v1alpha1.WorkloadProfile{}
	makeObject(ctx, manifest, o, func() func() { status := o.Status; return func() { o.Status = status } })
}

// makeObject makes an object, then writes the status that creating it drops.
func makeObject(ctx context.Context, manifest string, o client.Object, keep func() (restore func())) {
	GinkgoHelper()
	Expect(yaml.UnmarshalStrict([]byte(manifest), o)).To(Succeed(), manifest)
	restore := keep()
	Expect(api.Create(ctx, o)).To(Succeed(), manifest)
	restore()
	Expect(api.Status().Update(ctx, o)).To(Succeed(), manifest)
}

// grant lets a user get and list resources of Metapilot's in a namespace.
func grant(ctx context.Context, namespace, user string, resources ...string) {
	GinkgoHelper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user, Namespace: namespace}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: resources, Verbs: []string{"get", "list"}},
	}}
	Expect(api.Create(ctx, role)).To(Succeed())
	Expect(api.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user, Namespace: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})).To(Succeed())
}
