package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// patience is how long is waited for anything. Generous, since other suites may have the machine at the same time: a test
// that fails takes long, one that passes does not.
const patience = 10 * time.Minute

// program is the manager's executable. It is built as it ships, without the race detector, whatever the tests are built with.
var program string

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	ctrllog.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "end to end")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	program = filepath.Join(GinkgoT().TempDir(), "metapilot")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "github.com/metapilot/metapilot/cmd/metapilot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
})

// report is a result that is shown at the end of a run with -v.
type report string

// String is for Ginkgo.
func (r report) String() string { return string(r) }

func show(title, format string, args ...any) {
	AddReportEntry(title, report("\n"+fmt.Sprintf(format, args...)), ReportEntryVisibilityAlways)
}
