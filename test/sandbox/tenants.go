package sandbox

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	// tenantWorkers make tenants at the same time; more only queue in the API server.
	tenantWorkers = 16
	// tenantsReadyTimeout is the base of WaitTenantsReady's patience, and tenantPatience what each tenant adds.
	tenantsReadyTimeout = 2 * time.Minute
	tenantPatience      = time.Second
)

// TenantOptions say which tenants AddTenants makes.
type TenantOptions struct {
	Count      int
	NamePrefix string // "" is "tenant-"; the number follows, four digits
	StartIndex int    // of the first one
	Layout     string // see tenant.Layouts; "" is "small"
	// Labels are put on every namespace; a label that is not given gets a plausible value (tier, region, user).
	Labels map[string]string
}

// AddTenants makes tenants as a platform team would, many at once, and returns their names in order. It does not wait for
// their pods: see WaitTenantsReady. A tenant that is there already is completed, so an interrupted call can be repeated.
func (s *Sandbox) AddTenants(ctx context.Context, o TenantOptions) ([]string, error) {
	tenantLayout, err := tenant.LayoutOf(o.Layout)
	if err != nil {
		return nil, err
	}
	if o.Count < 1 {
		return nil, fmt.Errorf("the number of tenants is %d; it must be 1 or more", o.Count)
	}
	if o.NamePrefix == "" {
		o.NamePrefix = "tenant-"
	}
	names := make([]string, o.Count)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(tenantWorkers)
	var made atomic.Int64
	stop := s.every(5*time.Second, func() { s.say("made %d of %d tenants", made.Load(), o.Count) })
	defer stop()
	for i := range names {
		index := o.StartIndex + i
		name := fmt.Sprintf("%s%04d", o.NamePrefix, index)
		names[i] = name
		group.Go(func() error {
			if err := s.createTenant(groupCtx, tenant.Objects(name, tenantLayout, tenantLabels(index, o.Labels))); err != nil {
				return fmt.Errorf("making tenant %s: %w", name, err)
			}
			made.Add(1)
			return nil
		})
	}
	return names, group.Wait()
}

// tenantLabels spreads tenants over tiers, regions and users, unless told otherwise.
func tenantLabels(index int, given map[string]string) map[string]string {
	tiers := []string{"free", "standard", "standard", "premium"}
	labels := map[string]string{
		tenant.TierLabel:   tiers[index%len(tiers)],
		tenant.RegionLabel: fmt.Sprintf("region-%d", index%3+1),
		tenant.UserLabel:   fmt.Sprintf("user-%03d", index%100),
	}
	maps.Copy(labels, given)
	return labels
}

// createTenant makes the objects of one tenant; those that exist are left as they are.
func (s *Sandbox) createTenant(ctx context.Context, set tenant.Set) error {
	opts := metav1.CreateOptions{FieldManager: "platform-team"}
	core, ns := s.client.CoreV1(), set.Namespace.Name
	if err := created(core.Namespaces().Create(ctx, set.Namespace, opts)); err != nil {
		return err
	}
	for _, o := range set.Accounts {
		if err := created(core.ServiceAccounts(ns).Create(ctx, o, opts)); err != nil {
			return err
		}
	}
	for _, o := range set.Services {
		if err := created(core.Services(ns).Create(ctx, o, opts)); err != nil {
			return err
		}
	}
	for _, o := range set.Budgets {
		if err := created(s.client.PolicyV1().PodDisruptionBudgets(ns).Create(ctx, o, opts)); err != nil {
			return err
		}
	}
	for _, o := range set.StatefulSets {
		if err := created(s.client.AppsV1().StatefulSets(ns).Create(ctx, o, opts)); err != nil {
			return err
		}
	}
	for _, o := range set.Deployments {
		if err := created(s.client.AppsV1().Deployments(ns).Create(ctx, o, opts)); err != nil {
			return err
		}
	}
	return nil
}

// created turns the answer to a Create into an error, unless the object was there already.
func created[T metav1.Object](_ T, err error) error {
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err // names kind and object already
	}
	return nil
}

// WaitTenantsReady waits until every pod of the named tenants is Ready; with no names, of all tenants. It gives up after
// two minutes plus a second per tenant, and says then what is missing.
func (s *Sandbox) WaitTenantsReady(ctx context.Context, names ...string) error {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var ready, total atomic.Int64
	stop := s.every(5*time.Second, func() { s.say("%d of %d pods are ready", ready.Load(), total.Load()) })
	defer stop()
	return poll(ctx, tenantsReadyTimeout+time.Duration(len(names))*tenantPatience, func(ctx context.Context) error {
		count, err := s.countReplicas(ctx, wanted)
		if err != nil {
			return err
		}
		ready.Store(count.ready)
		total.Store(count.wanted)
		switch {
		case len(wanted) > 0 && count.tenants < len(wanted):
			return fmt.Errorf("%d of %d tenants have workloads", count.tenants, len(wanted))
		case count.ready < count.wanted:
			return fmt.Errorf("%d of %d pods are ready; not ready is, for one, %s", count.ready, count.wanted, count.lagging)
		}
		return nil
	})
}

// replicaCount is how far the workloads of some tenants are.
type replicaCount struct {
	tenants       int
	ready, wanted int64
	lagging       string // one workload that is not ready, "" if none
}

func (s *Sandbox) countReplicas(ctx context.Context, wanted map[string]bool) (replicaCount, error) {
	opts := metav1.ListOptions{LabelSelector: tenant.PartOfLabel + "=" + tenant.PartOf, ResourceVersion: "0"}
	deployments, err := s.client.AppsV1().Deployments("").List(ctx, opts)
	if err != nil {
		return replicaCount{}, fmt.Errorf("listing deployments: %w", err)
	}
	statefulSets, err := s.client.AppsV1().StatefulSets("").List(ctx, opts)
	if err != nil {
		return replicaCount{}, fmt.Errorf("listing stateful sets: %w", err)
	}
	var count replicaCount
	seen := map[string]bool{}
	add := func(o metav1.Object, replicas *int32, ready int32, observed int64) {
		if len(wanted) > 0 && !wanted[o.GetNamespace()] {
			return
		}
		seen[o.GetNamespace()] = true
		n := int32(1)
		if replicas != nil {
			n = *replicas
		}
		if observed < o.GetGeneration() {
			ready = 0 // the status is about an older spec
		}
		count.wanted += int64(n)
		count.ready += int64(min(n, ready))
		if ready < n {
			count.lagging = o.GetNamespace() + "/" + o.GetName()
		}
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		add(d, d.Spec.Replicas, d.Status.ReadyReplicas, d.Status.ObservedGeneration)
	}
	for i := range statefulSets.Items {
		d := &statefulSets.Items[i]
		add(d, d.Spec.Replicas, d.Status.ReadyReplicas, d.Status.ObservedGeneration)
	}
	count.tenants = len(seen)
	return count, nil
}

// every calls report in a period until the returned function is called.
func (s *Sandbox) every(period time.Duration, report func()) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				report()
			}
		}
	}()
	return func() { close(done); <-stopped }
}
