package prometheus

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/profiles/sources"
)

// fixed is a clock that stands.
func fixed(at time.Time) *clocktesting.FakePassiveClock { return clocktesting.NewFakePassiveClock(at) }

// mustBeUsage fails where a sample is no usage of anything.
func mustBeUsage(t testing.TB, s sources.Sample) {
	t.Helper()
	if s.Namespace == "" || s.Container == "" || s.Replica == "" || s.At.IsZero() {
		t.Errorf("a sample of nothing: %+v", s)
	}
	cpu, memory := s.CPU.Or(1), s.Memory.Or(1)
	if !s.CPU.Present() && !s.Memory.Present() || math.IsNaN(cpu+memory) || math.IsInf(cpu+memory, 0) || cpu < 0 || memory <= 0 {
		t.Errorf("no usage: %+v", s)
	}
}

// script answers queries by what they ask for, and keeps them.
type script struct {
	mu      sync.Mutex
	queries []string
	paths   []string
	headers []http.Header
	// memory, resets and cpu are answers; "" is one without rows.
	memory, resets, cpu string
	// refuse, where set, is asked first; true: it has answered.
	refuse func(w http.ResponseWriter, r *http.Request) bool
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.FormValue("query")
	s.queries, s.paths, s.headers = append(s.queries, query), append(s.paths, r.URL.Path), append(s.headers, r.Header)
	if s.refuse != nil && s.refuse(w, r) {
		return
	}
	content, kind := s.cpu, "vector"
	switch {
	case strings.Contains(query, "container_memory"):
		content = s.memory
	case !strings.Contains(query, "rate("):
		content = s.resets
	}
	if strings.HasSuffix(r.URL.Path, "query_range") {
		kind = "matrix"
	}
	if content == "" {
		content = fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":[]}}`, kind)
	}
	_, _ = fmt.Fprint(w, content)
}

func (s *script) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queries)
}

// serve runs the script as a server and gives a source of it.
func serve(t testing.TB, s *script, settings Settings, clock *clocktesting.FakePassiveClock) *Source {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	settings.Address = server.URL + settings.Address
	source, err := New(settings, clock)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// line writes a sample for comparing.
func line(s sources.Sample) string {
	return fmt.Sprintf("%s/%s/%s cpu=%s memory=%s @%d window=%s", s.Namespace, s.Replica, s.Container, s.CPU, s.Memory, s.At.Unix(), s.Window)
}
