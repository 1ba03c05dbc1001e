package installation

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"
)

// Gatekeeper stands between a manager and the API server. It counts the manager's writes, and can shut behind one of
// them: that write reaches the API server, and nothing after it does. Whoever is killed then has died exactly there.
type Gatekeeper struct {
	server *httptest.Server

	mu     sync.Mutex
	writes []string
	shutAt int
	shut   chan struct{}
}

// NewGatekeeper makes one in front of the API server that the configuration names. shutAt is the number of the write
// behind which it shuts; 0 is never.
func NewGatekeeper(to *rest.Config, shutAt int) (*Gatekeeper, error) {
	target, err := url.Parse(to.Host)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address: %w", err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(to))
	if err != nil {
		return nil, fmt.Errorf("making a transport: %w", err)
	}
	g := &Gatekeeper{shutAt: shutAt, shut: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
	}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.pass(r) {
			<-r.Context().Done() // as when the network is gone
			return
		}
		proxy.ServeHTTP(w, r)
		g.passed(r)
	}))
	return g, nil
}

// Config gives a configuration with which a client goes through the gatekeeper.
func (g *Gatekeeper) Config(as *rest.Config) *rest.Config {
	out := rest.CopyConfig(as)
	out.Host = g.server.URL
	out.TLSClientConfig = rest.TLSClientConfig{}
	return out
}

// Shut is closed when it has shut.
func (g *Gatekeeper) Shut() <-chan struct{} { return g.shut }

// Writes gives what was written: verb and path, in order.
func (g *Gatekeeper) Writes() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.writes...)
}

// Close ends it.
func (g *Gatekeeper) Close() {
	g.server.CloseClientConnections()
	g.server.Close()
}

func (g *Gatekeeper) pass(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shutAt > 0 && len(g.writes) >= g.shutAt {
		return false
	}
	if counts(r) {
		g.writes = append(g.writes, r.Method+" "+r.URL.Path)
	}
	return true
}

func (g *Gatekeeper) passed(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !counts(r) || g.shutAt == 0 || len(g.writes) < g.shutAt {
		return
	}
	select {
	case <-g.shut:
	default:
		close(g.shut)
	}
}

// counts tells whether a request changes the world. Events and reviews do not.
func counts(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return false
	}
	for _, prefix := range []string{"/apis/events.k8s.io/", "/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/", "/apis/coordination.k8s.io/"} {
		if len(r.URL.Path) >= len(prefix) && r.URL.Path[:len(prefix)] == prefix {
			return false
		}
	}
	return true
}
