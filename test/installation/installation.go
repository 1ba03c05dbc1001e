// Package installation installs Metapilot into a sandbox as its manifests do: the CustomResourceDefinitions, and a
// manager that may do what its shipped permissions say and nothing more.
package installation

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/config"
)

const (
	// Namespace is where the manager lives.
	Namespace = "metapilot-system"
	// ServiceAccount is the manager's.
	ServiceAccount = "metapilot-manager"

	fieldOwner   = client.FieldOwner("installation")
	tokenSeconds = 24 * 3600
	patience     = 30 * time.Second
)

// Definitions installs the CustomResourceDefinitions and waits until they are served.
func Definitions(ctx context.Context, c client.Client) error {
	objects, err := read("crd/bases")
	if err != nil {
		return err
	}
	return Serve(ctx, c, objects)
}

// Serve applies CustomResourceDefinitions, also those of others, and waits until they are served.
func Serve(ctx context.Context, c client.Client, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		if err := apply(ctx, c, o); err != nil {
			return err
		}
	}
	for _, o := range objects {
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
				return false, err
			}
			return established(o), nil
		})
		if err != nil {
			return fmt.Errorf("waiting for %s to be served: %w", o.GetName(), err)
		}
	}
	return nil
}

// Manager installs the manager's permissions and gives a configuration of a client that has them, and no others.
func Manager(ctx context.Context, admin *rest.Config, c client.Client) (*rest.Config, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if err := c.Create(ctx, namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("making namespace %s: %w", Namespace, err)
	}
	objects, err := read("rbac")
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.GetKind() == "Kustomization" || o.GetKind() == "" {
			continue
		}
		inNamespace(o)
		if err := apply(ctx, c, o); err != nil {
			return nil, err
		}
	}
	clients, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}}
	request, err = clients.CoreV1().ServiceAccounts(Namespace).CreateToken(ctx, ServiceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("requesting a token of the manager's service account: %w", err)
	}
	out := rest.AnonymousClientConfig(admin)
	out.BearerToken = request.Status.Token
	return out, nil
}

// inNamespace puts what has a namespace into the manager's, as config/default does.
func inNamespace(o *unstructured.Unstructured) {
	switch o.GetKind() {
	case "Role", "RoleBinding", "ServiceAccount":
		o.SetNamespace(Namespace)
	}
	subjects, found, err := unstructured.NestedSlice(o.Object, "subjects")
	if err != nil || !found {
		return
	}
	for _, s := range subjects {
		if subject, ok := s.(map[string]any); ok && subject["kind"] == "ServiceAccount" {
			subject["namespace"] = Namespace
		}
	}
	o.Object["subjects"] = subjects
}

func read(folder string) ([]*unstructured.Unstructured, error) {
	files, err := fs.Glob(config.Manifests, folder+"/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing manifests: %w", err)
	}
	var out []*unstructured.Unstructured
	for _, file := range files {
		if strings.HasSuffix(file, "/kustomization.yaml") {
			continue
		}
		content, err := config.Manifests.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		objects, err := Objects(content)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		out = append(out, objects...)
	}
	return out, nil
}

// Objects reads the objects of a file of YAML documents.
func Objects(content []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		o := &unstructured.Unstructured{}
		if err := utilyaml.Unmarshal(document, &o.Object); err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

func apply(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

func established(o *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Established" {
			return condition["status"] == "True"
		}
	}
	return false
}
