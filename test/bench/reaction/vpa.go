package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/pki"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

const (
	vpaNamespace  = "vpa-system"
	vpaName       = component
	vpaAdmission  = "admission" // the service account of the admission controller
	vpaCRDs       = "deploy/vpa-v1-crd-gen.yaml"
	vpaWebhook    = "vpa-webhook-config"
	vpaLease      = "vpa-admission-controller"
	tokenSeconds  = 24 * 3600
	portAttempts  = 5
	stillRunning  = 2 * time.Second // a program that cannot have its port ends before
	crdPatience   = 30 * time.Second
	fieldOwnerVPA = client.FieldOwner("reaction")
)

var vpaKind = schema.GroupVersionKind{Group: "autoscaling.k8s.io", Version: "v1", Kind: "VerticalPodAutoscaler"}

// startVPA installs VPA's definitions and one object for each of its tenants, and runs its programs: one admission controller
// for all, and for each instance a recommender and an updater.
//
// The updaters come last, when the recommenders have just done their work. Both work in beats of their interval, so the
// delay between their beats stays what it is at the start, and this one is the best that VPA can have: the updater finds what
// the recommender has just written. Any other would add up to a whole interval.
func (w *world) startVPA(ctx context.Context) error {
	if err := w.installVPA(ctx); err != nil {
		return err
	}
	for _, s := range setups() {
		if s.vpa == nil {
			continue
		}
		for _, namespace := range w.tenants[s.name] {
			if err := w.client.Create(ctx, newVPA(namespace, s.vpa)); err != nil {
				return fmt.Errorf("making a VerticalPodAutoscaler: %w", err)
			}
		}
	}
	if err := w.startAdmissionController(ctx); err != nil {
		return err
	}
	kubeconfigs := map[string]string{}
	for _, i := range vpaInstances() {
		kubeconfig, err := w.vpaIdentity(ctx, i.name)
		if err != nil {
			return err
		}
		kubeconfigs[i.name] = kubeconfig
		args := []string{"--kubeconfig=" + kubeconfig, "--address=127.0.0.1:0", "--recommender-name=" + i.name, "--ignored-vpa-object-namespaces=" + w.notOf(i)}
		if err := w.runVPA(components.VPARecommender, i.name, slices.Concat(args, i.recommender)); err != nil {
			return err
		}
	}
	if err := w.waitUntil(ctx, "every VerticalPodAutoscaler has a recommendation, and the webhook is registered", w.vpaReady); err != nil {
		return err
	}
	for _, i := range vpaInstances() {
		args := []string{"--kubeconfig=" + kubeconfigs[i.name], "--address=127.0.0.1:0", "--ignored-vpa-object-namespaces=" + w.notOf(i)}
		if err := w.runVPA(components.VPAUpdater, i.name, slices.Concat(args, i.updater)); err != nil {
			return err
		}
	}
	return nil
}

// notOf are the tenants that the instance is not for.
func (w *world) notOf(i vpaInstance) string {
	return w.others(func(s setup) bool { return s.vpa != nil && s.vpa.instance == i.name })
}

func (w *world) runVPA(program, instance string, args []string) error {
	name := program + "-" + instance
	p, err := process.Start(process.Spec{Name: name, Path: w.programs[program], Args: args, Log: filepath.Join(w.dir, name+".log")})
	if err != nil {
		return err
	}
	w.vpa = append(w.vpa, p)
	return nil
}

// startAdmissionController runs it on a free port. It registers itself, ten seconds later.
func (w *world) startAdmissionController(ctx context.Context) error {
	kubeconfig, err := w.vpaIdentity(ctx, vpaAdmission)
	if err != nil {
		return err
	}
	certificates, err := w.webhookCertificates()
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		ports, err := process.FreePorts(1)
		if err != nil {
			return err
		}
		args := append([]string{
			"--kubeconfig=" + kubeconfig, "--address=127.0.0.1:0", fmt.Sprintf("--port=%d", ports[0]),
			"--register-by-url=true", "--webhook-address=https://127.0.0.1", fmt.Sprintf("--webhook-port=%d", ports[0]),
			"--ignored-vpa-object-namespaces=" + w.others(func(s setup) bool { return s.vpa != nil }),
		}, certificates...)
		if err := w.runVPA(components.VPAAdmissionController, fmt.Sprint(attempt), args); err != nil {
			return err
		}
		p := w.vpa[len(w.vpa)-1]
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(stillRunning):
			return nil
		case <-p.Exited():
		}
		if attempt == portAttempts || !process.PortTaken(p.Err()) {
			return p.Err()
		}
		w.vpa = w.vpa[:len(w.vpa)-1] // somebody was faster to take the port
	}
}

// webhookCertificates gives the arguments that name them.
func (w *world) webhookCertificates() ([]string, error) {
	authority, err := pki.NewAuthority("vpa-webhook", time.Now())
	if err != nil {
		return nil, err
	}
	pair, err := authority.Issue(pki.Subject{User: "vpa-webhook", Hosts: []string{"127.0.0.1"}})
	if err != nil {
		return nil, err
	}
	certificate, key, err := pair.Write(w.dir, "vpa-webhook")
	if err != nil {
		return nil, err
	}
	ca, err := writeFile(w.dir, "vpa-webhook-ca.crt", authority.PEM())
	if err != nil {
		return nil, err
	}
	return []string{"--client-ca-file=" + ca, "--tls-cert-file=" + certificate, "--tls-private-key=" + key}, nil
}

// installVPA applies the definitions of VPA's own version and waits until they are served.
func (w *world) installVPA(ctx context.Context) error {
	content, err := (&components.Builder{}).Source(ctx, components.VPARecommender, vpaCRDs)
	if err != nil {
		return err
	}
	objects, err := installation.Objects(content)
	if err != nil {
		return fmt.Errorf("reading %s: %w", vpaCRDs, err)
	}
	return installation.Serve(ctx, w.client, objects)
}

// vpaIdentity makes a service account that may do everything and writes a kubeconfig with a token of it. An account for each
// instance tells in the audit log who asked for what.
func (w *world) vpaIdentity(ctx context.Context, name string) (file string, err error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: vpaNamespace, Name: name}}
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: vpaNamespace}},
		account,
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: vpaNamespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:serviceaccounts:" + vpaNamespace}},
		},
	} {
		if err := w.client.Create(ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			return "", fmt.Errorf("making VPA's service account %s: %w", name, err)
		}
	}
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}}
	if err := w.client.SubResource("token").Create(ctx, account, token); err != nil {
		return "", fmt.Errorf("requesting a token of VPA's service account %s: %w", name, err)
	}
	admin := w.box.RESTConfig()
	k := clientcmdapi.NewConfig()
	k.Clusters["sandbox"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData, CertificateAuthority: admin.CAFile}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	k.Contexts["sandbox"] = &clientcmdapi.Context{Cluster: "sandbox", AuthInfo: name}
	k.CurrentContext = "sandbox"
	file = filepath.Join(w.dir, "vpa-"+name+".kubeconfig")
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		return "", fmt.Errorf("writing the kubeconfig of VPA's %s: %w", name, err)
	}
	return file, nil
}

func newVPA(namespace string, s *vpaSetup) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"targetRef":    map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": component},
			"updatePolicy": map[string]any{"updateMode": s.updateMode},
			"recommenders": []any{map[string]any{"name": s.instance}},
			"resourcePolicy": map[string]any{"containerPolicies": []any{map[string]any{
				"containerName": component,
				"minAllowed":    map[string]any{"cpu": minCPU, "memory": minMemory},
				"maxAllowed":    map[string]any{"memory": maxMemory},
			}}},
		},
	}}
	o.SetGroupVersionKind(vpaKind)
	o.SetNamespace(namespace)
	o.SetName(vpaName)
	return o
}

// vpaReady says what is missing.
func (w *world) vpaReady(ctx context.Context) (string, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(vpaKind)
	if err := w.client.List(ctx, list); err != nil {
		return "", fmt.Errorf("listing VerticalPodAutoscalers: %w", err)
	}
	for i := range list.Items {
		got, _, err := unstructured.NestedSlice(list.Items[i].Object, "status", "recommendation", "containerRecommendations")
		if err != nil {
			return "", fmt.Errorf("reading a VerticalPodAutoscaler: %w", err)
		}
		if len(got) == 0 {
			return "there is no recommendation, for one, in " + list.Items[i].GetNamespace(), nil
		}
	}
	for what, o := range map[string]client.Object{
		vpaWebhook: &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: vpaWebhook}},
		vpaLease:   &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: vpaLease}},
	} {
		err := w.client.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, o)
		if apierrors.IsNotFound(err) {
			return "there is no " + what, nil
		}
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", what, err)
		}
	}
	return "", nil
}
