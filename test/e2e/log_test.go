package e2e_test

import (
	"encoding/json"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// noMetrics is what a manager says where there is no metrics-server, as here: one process less, and kills are answered all
// the same.
const noMetrics = "listing pod metrics: the server could not find the requested resource"

// loggedNoTrouble finds in what all managers of the house have logged so far no request that was forbidden, and no error but
// the expected one.
func (h *house) loggedNoTrouble() {
	GinkgoHelper()
	Expect(h.managers).NotTo(BeEmpty())
	for _, manager := range h.managers {
		file := manager.LogFile
		content, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		Expect(len(lines)).To(BeNumerically(">", 1), "%s says nothing", file)
		Expect(trouble(lines, []string{noMetrics})).To(BeEmpty(), file)
	}
}

// trouble gives the lines that no healthy manager logs. A line that is no JSON is one: a panic is.
func trouble(lines, expected []string) (out []string) {
	for _, line := range lines {
		var entry struct {
			Level string `json:"level"`
		}
		known := false
		for _, e := range expected {
			known = known || strings.Contains(line, e)
		}
		err := json.Unmarshal([]byte(line), &entry)
		bad := err != nil || entry.Level != "info" && entry.Level != "debug"
		if strings.Contains(strings.ToLower(line), "forbidden") || bad && !known {
			out = append(out, line)
		}
	}
	return out
}

var _ = Describe("Trouble in a log", func() {
	It("is what is forbidden, an error that is not expected, and what is no entry", func() {
		lines := []string{
			`{"level":"info","msg":"starting"}`,
			`{"level":"error","msg":"collecting usage"}`,
			`{"level":"error","msg":"reconciling"}`,
			`{"level":"info","msg":"pods is Forbidden"}`,
			`panic: oh no`,
		}
		Expect(trouble(lines, []string{"collecting usage"})).To(Equal(lines[2:]))
	})
})
