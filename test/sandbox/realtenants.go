package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// realPrefix is that of the names of Options.RealTenants.
const realPrefix = "real-"

// stormGroup may do everything in a real tenant, but is not exempt from Priority and Fairness, as system:masters is.
const stormGroup = "sandbox:storm"

// RealTenant is a tenant of which a real kube-apiserver and etcd run, as processes beside the sandbox's own.
type RealTenant struct {
	Name string `json:"name"`
	// Server is the URL of its kube-apiserver, Etcd that of its etcd.
	Server string `json:"server"`
	Etcd   string `json:"etcd"`
	// Kubeconfig is the administrator's, whose requests are never queued nor rejected; UserKubeconfig is one whose are.
	Kubeconfig     string `json:"kubeconfig"`
	UserKubeconfig string `json:"userKubeconfig"`
	// APIServerPod and EtcdPod are its pods in the MetaCluster, under whose names the processes are scraped.
	APIServerPod string `json:"apiServerPod"`
	EtcdPod      string `json:"etcdPod"`
}

// RealTenants gives the real tenants, in the order in which they were made.
func (s *Sandbox) RealTenants() []RealTenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tenants)
}

// startRealTenants makes those of the options, all at once.
func (s *Sandbox) startRealTenants(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range s.options.RealTenants {
		group.Go(func() error {
			_, err := s.addRealTenant(groupCtx, fmt.Sprintf("%s%04d", realPrefix, i+1))
			return err
		})
	}
	return group.Wait()
}

// AddRealTenant makes a tenant as AddTenants does, of the layout "single", and runs a real kube-apiserver and etcd for it. Its
// in-flight limits are those of the tenant's Deployment; args are further arguments of kube-apiserver. It returns when both are
// ready, and so are the tenant's pods; Prometheus scrapes both from then on. They end with the sandbox.
//
// Only the process that holds the sandbox can: they are its children.
func (s *Sandbox) AddRealTenant(ctx context.Context, name string, args ...string) (RealTenant, error) {
	if s.attached != nil {
		return RealTenant{}, fmt.Errorf("making real tenant %s: only the process that holds the sandbox can; use `sandbox up --real-tenants N`", name)
	}
	t, err := s.addRealTenant(ctx, name, args...)
	if err != nil {
		return t, err
	}
	s.adding.Lock()
	defer s.adding.Unlock()
	return t, errors.Join(s.reloadPrometheus(), s.writeState())
}

func (s *Sandbox) addRealTenant(ctx context.Context, name string, args ...string) (RealTenant, error) {
	begun := time.Now()
	layout, err := tenant.LayoutOf(tenant.Single)
	if err != nil {
		return RealTenant{}, err
	}
	set := tenant.Objects(name, layout, tenantLabels(1, nil))
	group, groupCtx := errgroup.WithContext(ctx)
	t := RealTenant{Name: name}
	group.Go(func() error {
		if err := s.createTenant(groupCtx, set); err != nil {
			return err
		}
		return s.WaitTenantsReady(groupCtx, name)
	})
	group.Go(func() error { return s.startRealTenant(groupCtx, &t, append(inFlightArgs(set), args...)) })
	if err := group.Wait(); err != nil {
		return t, fmt.Errorf("making real tenant %s: %w", name, err)
	}
	for component, pod := range map[string]*string{tenant.APIServer: &t.APIServerPod, tenant.Etcd: &t.EtcdPod} {
		pods, err := s.PodsOf(ctx, name, component)
		if err != nil {
			return t, fmt.Errorf("making real tenant %s: %w", name, err)
		}
		*pod = pods[0].Name
	}
	s.mu.Lock()
	s.tenants = append(s.tenants, t)
	s.mu.Unlock()
	s.say("real tenant %s is ready after %s; kubeconfig: %s", name, time.Since(begun).Round(10*time.Millisecond), t.Kubeconfig)
	return t, nil
}

// inFlightArgs are the in-flight limits that the tenant's Deployment gives its kube-apiserver.
func inFlightArgs(set tenant.Set) []string {
	var args []string
	for _, d := range set.Deployments {
		if d.Name != tenant.APIServer {
			continue
		}
		for _, arg := range d.Spec.Template.Spec.Containers[0].Command {
			if strings.HasPrefix(arg, "--max-") {
				args = append(args, arg)
			}
		}
	}
	return args
}

// startRealTenant starts the processes and lets the user in who is not exempt.
func (s *Sandbox) startRealTenant(ctx context.Context, t *RealTenant, args []string) error {
	files := s.files.tenant(t.Name)
	if err := files.create(); err != nil {
		return err
	}
	creds, err := newCredentials(files, time.Now())
	if err != nil {
		return err
	}
	t.Server, t.Etcd, err = s.startControlPlane(ctx, controlPlane{tenant: t.Name, files: files, creds: creds, args: append([]string{
		withoutServiceAccounts,
		// Objects are counted once a minute otherwise, which is long for a test.
		"--etcd-count-metric-poll-period=5s",
	}, args...)})
	if err != nil {
		return err
	}
	t.Kubeconfig, t.UserKubeconfig = files.kubeconfig(), files.path("user.kubeconfig")
	if err := creds.writeKubeconfig(t.UserKubeconfig, t.Server, "sandbox-user", stormGroup); err != nil {
		return err
	}
	client, err := clientOf(t.Kubeconfig)
	if err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "sandbox-storm"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: stormGroup}},
	}
	return created(client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}))
}

// clientOf makes a client whose own rate limit is not felt.
func clientOf(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading a kubeconfig: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}

// scrapeJobs are how Prometheus scrapes a real tenant: its kube-apiserver as a client that is known by its certificate, and
// its etcd; both under the names of the tenant's pods in the MetaCluster.
func (t RealTenant) scrapeJobs(files layout) []any {
	job := func(component, pod, address string, more map[string]any) map[string]any {
		target, err := url.Parse(address)
		if err != nil {
			panic(err) // made by loopback
		}
		j := map[string]any{
			"job_name": component + "." + t.Name, "scheme": target.Scheme,
			"static_configs": []any{map[string]any{
				"targets": []string{target.Host}, "labels": map[string]string{"namespace": t.Name, "pod": pod, "container": component},
			}},
		}
		for key, value := range more {
			j[key] = value
		}
		return j
	}
	return []any{
		job(tenant.APIServer, t.APIServerPod, t.Server, map[string]any{"tls_config": map[string]string{
			"ca_file": files.path("certs", "ca.crt"), "cert_file": files.path("certs", "kubelet-client.crt"), "key_file": files.path("certs", "kubelet-client.key"),
		}}),
		job(tenant.Etcd, t.EtcdPod, t.Etcd, nil),
	}
}
