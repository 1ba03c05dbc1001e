package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/metapilot/metapilot/test/sandbox"
)

// The suite starts one whole sandbox. On a machine where the components are not built yet that takes about fifteen minutes:
// go test -timeout 30m.

// childVariable makes the test binary a supervisor to be killed; see processes_test.go.
const childVariable = "METAPILOT_SANDBOX_TEST_CHILD"

// backOff is the first back-off of the suite's sandbox: long enough to be seen, short enough to wait for.
const backOff = 2 * time.Second

var (
	box    *sandbox.Sandbox
	client kubernetes.Interface
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(runChild(dir))
	}
	os.Exit(m.Run())
}

// runChild holds a sandbox until it is interrupted.
func runChild(dir string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	s, err := sandbox.Start(ctx, sandbox.Options{Dir: dir, Controllers: true, Nodes: 1, Metrics: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = s.Wait(ctx) // only the interrupt ends it
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestSandbox(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(60 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "sandbox")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{
		Controllers: true, Nodes: 3, Metrics: true, RestartBackOff: backOff, Progress: os.Stderr,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	client, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

var nextTenant int

// newTenant makes a tenant of its own for a test, with all pods ready.
func newTenant(ctx context.Context, layout string) string {
	GinkgoHelper()
	nextTenant++
	names, err := box.AddTenants(ctx, sandbox.TenantOptions{Count: 1, StartIndex: nextTenant, Layout: layout})
	Expect(err).NotTo(HaveOccurred())
	Expect(box.WaitTenantsReady(ctx, names...)).To(Succeed())
	return names[0]
}

func getPod(ctx context.Context, namespace, name string) *corev1.Pod {
	GinkgoHelper()
	pod, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	return pod
}

// firstPod is a pod of the workload.
func firstPod(ctx context.Context, namespace, workload string) *corev1.Pod {
	GinkgoHelper()
	pods, err := box.PodsOf(ctx, namespace, workload)
	Expect(err).NotTo(HaveOccurred())
	return &pods[0]
}

// containerStatus is the status of a container of any kind.
func containerStatus(pod *corev1.Pod, name string) corev1.ContainerStatus {
	GinkgoHelper()
	for _, st := range append(append([]corev1.ContainerStatus{}, pod.Status.ContainerStatuses...), pod.Status.InitContainerStatuses...) {
		if st.Name == name {
			return st
		}
	}
	Fail(fmt.Sprintf("pod %s has no status of container %s", pod.Name, name))
	return corev1.ContainerStatus{}
}

// story is one container state in words: "running", "terminated OOMKilled 137", "waiting CrashLoopBackOff", followed by the
// restart count and, unless the container has just died, how it died last.
func story(st corev1.ContainerStatus) string {
	var words []string
	switch {
	case st.State.Running != nil:
		words = append(words, "running")
	case st.State.Waiting != nil:
		words = append(words, "waiting", st.State.Waiting.Reason)
	case st.State.Terminated != nil:
		words = append(words, "terminated", st.State.Terminated.Reason, fmt.Sprint(st.State.Terminated.ExitCode))
	}
	words = append(words, fmt.Sprintf("restarts=%d", st.RestartCount))
	if last := st.LastTerminationState.Terminated; last != nil && st.State.Terminated == nil {
		words = append(words, fmt.Sprintf("last=%s/%d", last.Reason, last.ExitCode))
	}
	return strings.Join(words, " ")
}

// tell watches a pod from now on and returns what became of the container, one line per change, when enough(lines) holds.
func tell(ctx context.Context, pod *corev1.Pod, container string, act func(), enough func(lines []string) bool) []string {
	GinkgoHelper()
	// From the pod's version on: nothing that act causes is missed, and the state before is known.
	pod = getPod(ctx, pod.Namespace, pod.Name)
	lines := []string{story(containerStatus(pod, container))}
	watch, err := client.CoreV1().Pods(pod.Namespace).Watch(ctx, metav1.SingleObject(pod.ObjectMeta))
	Expect(err).NotTo(HaveOccurred())
	defer watch.Stop()
	act()
	timeout := time.NewTimer(90 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case event := <-watch.ResultChan():
			seen, ok := event.Object.(*corev1.Pod)
			Expect(ok).To(BeTrue(), "%v", event)
			line := story(containerStatus(seen, container))
			if lines[len(lines)-1] != line {
				lines = append(lines, line)
			}
			if enough(lines) {
				return lines
			}
		case <-timeout.C:
			Fail("the container's story so far:\n" + strings.Join(lines, "\n"))
		}
	}
}

// until is enough when a line starts that way.
func until(prefix string) func([]string) bool {
	return func(lines []string) bool { return strings.HasPrefix(lines[len(lines)-1], prefix) }
}
