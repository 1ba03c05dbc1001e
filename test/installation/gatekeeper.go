package installation

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// Gatekeeper stands between a manager and the API server. It can shut behind one of the manager's writes: that write
// reaches the API server, and nothing after it does. Whoever is killed then has died exactly there.
type Gatekeeper struct {
	server *httptest.Server

	mu    sync.Mutex
	moved *sync.Cond // a write has come back, or the watch is another one
	watch *watch
}

// watch is what is counted, and where to shut.
type watch struct {
	path     string // of the namespace's objects
	behind   int
	underWay int
	landed   []string
	shut     chan struct{}
}

// NewGatekeeper makes one in front of the API server that the configuration names. It lets everything pass.
func NewGatekeeper(to *rest.Config) (*Gatekeeper, error) {
	target, err := url.Parse(to.Host)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address: %w", err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(to))
	if err != nil {
		return nil, fmt.Errorf("making a transport: %w", err)
	}
	g := &Gatekeeper{}
	g.moved = sync.NewCond(&g.mu)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted, pass := g.pass(r)
		if !pass {
			<-r.Context().Done() // as when the network is gone
			return
		}
		if counted == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		answer := &answer{ResponseWriter: w}
		proxy.ServeHTTP(answer, r)
		g.back(counted, r, answer.code)
	}))
	g.server.EnableHTTP2 = true
	g.server.StartTLS() // without TLS a client does not say who it is
	return g, nil
}

// Config gives a configuration with which a client goes through the gatekeeper.
func (g *Gatekeeper) Config(as *rest.Config) *rest.Config {
	out := rest.CopyConfig(as)
	out.Host = g.server.URL
	out.TLSClientConfig = rest.TLSClientConfig{CAData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})}
	return out
}

// ShutBehind shuts behind the n-th write, from now on, to the objects of a namespace. Only writes count that the API server
// took and that change the world: Events and reviews do not. The channel is closed when it has shut; with n 0 it has shut.
func (g *Gatekeeper) ShutBehind(n int, namespace string) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watch = &watch{path: "/namespaces/" + namespace + "/", behind: n, shut: make(chan struct{})}
	if n == 0 {
		close(g.watch.shut)
	}
	g.moved.Broadcast()
	return g.watch.shut
}

// Open lets everything pass again. It gives what was written since ShutBehind, verb and path in the order in which the API
// server answered, and whether it had shut.
func (g *Gatekeeper) Open() (writes []string, hadShut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.watch; w != nil {
		writes, hadShut = slices.Clone(w.landed), len(w.landed) >= w.behind
	}
	g.watch = nil
	g.moved.Broadcast()
	return writes, hadShut
}

// Close ends it.
func (g *Gatekeeper) Close() {
	g.Open()
	g.server.CloseClientConnections()
	g.server.Close()
}

// pass tells whether a request may go on, and on which watch it counts as a write. Where as many writes are under way as may
// land it waits for them: one may be refused.
func (g *Gatekeeper) pass(r *http.Request) (counted *watch, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		w := g.watch
		switch {
		case w == nil:
			return nil, true
		case len(w.landed) >= w.behind:
			return nil, false
		case !changes(r) || !strings.Contains(r.URL.Path, w.path):
			return nil, true
		case len(w.landed)+w.underWay < w.behind:
			w.underWay++
			return w, true
		}
		g.moved.Wait()
	}
}

// back takes down how a write was answered.
func (g *Gatekeeper) back(w *watch, r *http.Request, code int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.underWay--
	if code < http.StatusBadRequest {
		w.landed = append(w.landed, r.Method+" "+r.URL.Path)
		if len(w.landed) == w.behind {
			close(w.shut)
		}
	}
	g.moved.Broadcast()
}

// changes tells whether a request changes the world.
func changes(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return false
	}
	return !slices.ContainsFunc([]string{"/apis/events.k8s.io/", "/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/", "/apis/coordination.k8s.io/"},
		func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) })
}

// answer remembers the code that the API server answered with.
type answer struct {
	http.ResponseWriter
	code int
}

// WriteHeader is for the proxy.
func (a *answer) WriteHeader(code int) {
	a.code = code
	a.ResponseWriter.WriteHeader(code)
}

// Unwrap lets the proxy flush.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
