package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Bounds of a storm, so that a slip of the finger does not take the machine down.
const (
	maxStormObjects     = 50_000
	maxStormConcurrency = 1_000
	maxStormDuration    = 10 * time.Minute
	// stormLabel is on every object that a storm makes; no value of it is the one that is asked for.
	stormLabel = "sandbox.metapilot.dev/storm"
	// stormPause is how long a client waits that was rejected: less than it is told, for it is a bad one.
	stormPause = 250 * time.Millisecond
	// stormWriters make objects at the same time.
	stormWriters = 16
)

// StormOptions say how hard a storm is. Zero fields take the defaults.
type StormOptions struct {
	// Objects is how many ConfigMaps there are to look through. Default 2,000.
	Objects int
	// Concurrency is how many clients ask at once. A flow of Priority and Fairness may have 300 requests waiting (6 queues
	// of 50): what is above is rejected. Default 400.
	Concurrency int
	// Duration is for how long. Default 30 s.
	Duration time.Duration
}

// StormReport is what came of a storm.
type StormReport struct {
	// Lists were served, Rejected were answered 429, Failed went wrong in other ways.
	Lists, Rejected, Failed int
	// FirstRejected is when the first 429 came; zero where none did.
	FirstRejected time.Time
	// Failure is one of the failures.
	Failure error
}

func (o StormOptions) withDefaults() (StormOptions, error) {
	orDefault := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	orDefault(&o.Objects, 2000)
	orDefault(&o.Concurrency, 400)
	if o.Duration == 0 {
		o.Duration = 30 * time.Second
	}
	switch {
	case o.Objects < 1 || o.Objects > maxStormObjects:
		return o, fmt.Errorf("a storm of %d objects: it must be 1 to %d", o.Objects, maxStormObjects)
	case o.Concurrency < 1 || o.Concurrency > maxStormConcurrency:
		return o, fmt.Errorf("a storm of %d clients: it must be 1 to %d", o.Concurrency, maxStormConcurrency)
	case o.Duration < 0 || o.Duration > maxStormDuration:
		return o, fmt.Errorf("a storm of %s: it must be up to %s", o.Duration, maxStormDuration)
	}
	return o, nil
}

// Storm drives a real tenant's kube-apiserver into 429s: many clients list all ConfigMaps at once, with a label selector that
// none has, so that each list looks through all of them. The clients are one user, who is not exempt. It ends after the
// duration, or with ctx; what was counted until then is in the report.
func (s *Sandbox) Storm(ctx context.Context, name string, o StormOptions) (StormReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return StormReport{}, err
	}
	t, err := s.realTenant(name)
	if err != nil {
		return StormReport{}, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", t.UserKubeconfig)
	if err != nil {
		return StormReport{}, fmt.Errorf("reading a kubeconfig: %w", err)
	}
	target, err := url.Parse(config.Host)
	if err != nil || !net.ParseIP(target.Hostname()).IsLoopback() {
		return StormReport{}, fmt.Errorf("%s is not on the loopback", config.Host)
	}
	if err := s.fill(ctx, t, o.Objects); err != nil {
		return StormReport{}, fmt.Errorf("filling %s: %w", name, err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return StormReport{}, fmt.Errorf("making a client: %w", err)
	}
	defer client.CloseIdleConnections()
	target.Path, target.RawQuery = "/api/v1/configmaps", url.Values{"labelSelector": {stormLabel + "=none"}}.Encode()
	ctx, cancel := context.WithTimeout(ctx, o.Duration)
	defer cancel()
	storm := storm{client: client, url: target.String()}
	var group sync.WaitGroup
	for range o.Concurrency {
		group.Go(func() { storm.ask(ctx) })
	}
	group.Wait()
	return storm.report, nil
}

func (s *Sandbox) realTenant(name string) (RealTenant, error) {
	tenants := s.RealTenants()
	i := slices.IndexFunc(tenants, func(t RealTenant) bool { return t.Name == name })
	if i >= 0 {
		return tenants[i], nil
	}
	if len(tenants) == 0 {
		return RealTenant{}, errors.New("no tenant is real; start the sandbox with `sandbox up --real-tenants 1`")
	}
	var names []string
	for _, t := range tenants {
		names = append(names, t.Name)
	}
	return RealTenant{}, fmt.Errorf("%s is no real tenant; there are: %s", name, strings.Join(names, ", "))
}

// fill makes what is missing of the objects, as the administrator, who is exempt.
func (s *Sandbox) fill(ctx context.Context, t RealTenant, objects int) error {
	client, err := clientOf(t.Kubeconfig)
	if err != nil {
		return err
	}
	configMaps := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	last := fmt.Sprintf("storm-%05d", objects-1)
	if _, err := configMaps.Get(ctx, last, metav1.GetOptions{}); err == nil {
		return nil // of an earlier storm, which makes them in this order
	}
	s.say("making %d objects in %s", objects, t.Name)
	value := strings.Repeat("x", 512)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(stormWriters)
	for i := range objects {
		group.Go(func() error {
			object := &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("storm-%05d", i), Labels: map[string]string{stormLabel: "object"}},
				Data:       map[string]string{"value": value},
			}
			_, err := configMaps.Create(groupCtx, object, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// storm is one that is under way.
type storm struct {
	client *http.Client
	url    string

	mu     sync.Mutex
	report StormReport
}

// ask lists again and again until ctx ends.
func (s *storm) ask(ctx context.Context) {
	for ctx.Err() == nil {
		status, err := s.list(ctx)
		if ctx.Err() != nil {
			return // a request that was cut short counts nowhere
		}
		s.mu.Lock()
		switch {
		case err == nil && status == http.StatusOK:
			s.report.Lists++
		case err == nil && status == http.StatusTooManyRequests:
			if s.report.Rejected++; s.report.FirstRejected.IsZero() {
				s.report.FirstRejected = time.Now()
			}
		default:
			s.report.Failed++
			if err == nil {
				err = fmt.Errorf("status %d", status)
			}
			s.report.Failure = err
		}
		s.mu.Unlock()
		if err == nil && status == http.StatusOK {
			continue
		}
		timer := time.NewTimer(stormPause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *storm) list(ctx context.Context) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
