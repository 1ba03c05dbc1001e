package sandbox_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

// startChild runs a supervisor in a process of its own and returns it with the processes of its sandbox.
func startChild(dir string) (*exec.Cmd, []process.Identity) {
	GinkgoHelper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir, sandbox.StandaloneVariable+"=1")
	child.Stdout, child.Stderr = GinkgoWriter, GinkgoWriter
	Expect(child.Start()).To(Succeed())
	var attached *sandbox.Sandbox
	Eventually(func() (err error) { attached, err = sandbox.Attach(dir, nil); return err }).Should(Succeed())
	state, err := attached.State()
	Expect(err).NotTo(HaveOccurred())
	var processes []process.Identity
	for _, c := range state.Components {
		Expect(c.Process.Alive()).To(BeTrue(), c.Name)
		processes = append(processes, c.Process)
	}
	Expect(processes).To(HaveLen(6))
	return child, processes
}

func alive(processes []process.Identity) func() int {
	return func() int {
		n := 0
		for _, p := range processes {
			if p.Alive() {
				n++
			}
		}
		return n
	}
}

var _ = Describe("No process is left", func() {
	It("after Stop, which another process can ask for", func() {
		dir := GinkgoT().TempDir()
		child, processes := startChild(dir)

		attached, err := sandbox.Attach(dir, nil)
		Expect(err).NotTo(HaveOccurred())
		waited := make(chan error, 1)
		go func() { waited <- child.Wait() }() // a zombie would still be there
		Expect(attached.Stop()).To(Succeed())

		Expect(<-waited).To(Succeed(), "the supervisor has ended without an error")
		Expect(alive(processes)()).To(BeZero())
		_, err = sandbox.Attach(dir, nil)
		Expect(err).To(MatchError(sandbox.ErrNotRunning))
	})

	It("when the supervisor is killed with SIGKILL", func() {
		dir := GinkgoT().TempDir()
		child, processes := startChild(dir)

		Expect(child.Process.Signal(syscall.SIGKILL)).To(Succeed())
		var exit *exec.ExitError
		Expect(errors.As(child.Wait(), &exit)).To(BeTrue())

		Eventually(alive(processes), "10s").Should(BeZero())
		_, err := sandbox.Attach(dir, nil)
		Expect(err).To(MatchError(sandbox.ErrNotRunning))
	})
})

var _ = Describe("Starting", func() {
	It("is refused in the folder of a running sandbox", func(ctx SpecContext) {
		_, err := sandbox.Start(ctx, sandbox.Options{Dir: box.Dir()})
		Expect(err).To(MatchError(ContainSubstring("a sandbox runs in " + box.Dir() + " already")))
	})

	It("fails with the end of the log when a component dies, and leaves nothing", func(ctx SpecContext) {
		dir := filepath.Join(GinkgoT().TempDir(), "state")
		_, err := sandbox.Start(ctx, sandbox.Options{Dir: dir, APIServerArgs: []string{"--no-such-flag"}})
		Expect(err).To(MatchError(And(ContainSubstring("kube-apiserver died"), ContainSubstring("unknown flag: --no-such-flag"))))
	})

	It("works with nothing but an API server", func(ctx SpecContext) {
		small, err := sandbox.Start(ctx, sandbox.Options{})
		Expect(err).NotTo(HaveOccurred())
		defer func() { Expect(small.Stop()).To(Succeed()) }()
		state, err := small.State()
		Expect(err).NotTo(HaveOccurred())
		Expect(state.Components).To(HaveLen(2))
		Expect(small.Stop()).To(Succeed())
		Expect(small.Stop()).To(Succeed(), "stopping twice does nothing")
		Expect(small.Dir()).NotTo(BeADirectory(), "a temporary folder is removed")
	})
})
