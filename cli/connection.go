package cli

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// pageSize is how many objects are asked for at a time.
const pageSize = 250

// requestsPerSecond is more than a person feels and less than harms an API server.
const requestsPerSecond = 100

// location is where the cluster is, as kubectl's flags have it.
type location struct {
	kubeconfig, context, as string
	asGroups                []string
}

func (l *location) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = l.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: l.context}
	overrides.AuthInfo.Impersonate, overrides.AuthInfo.ImpersonateGroups = l.as, l.asGroups
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// connection reads from a cluster.
type connection struct {
	client.Client
	clients kubernetes.Interface
	server  string
}

func (l *location) connect(userAgent string) (*connection, error) {
	config, err := l.loader().ClientConfig()
	if err != nil {
		return nil, UsageError{fmt.Errorf("finding the cluster (write --kubeconfig FILE or --context NAME): %w", err)}
	}
	config.UserAgent = userAgent
	config.QPS, config.Burst = requestsPerSecond, 2*requestsPerSecond
	config.WarningHandler = rest.NoWarnings{}
	return connect(config)
}

func connect(config *rest.Config) (*connection, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("making a scheme: %w", err)
		}
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	// The kinds that are read are known, so nothing is discovered: a round trip less, and a missing API is told by its own error.
	mapper := apimeta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"ClusterScaler", "ScalingRecord", "WorkloadProfile"} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), apimeta.RESTScopeNamespace)
	}
	c, err := client.New(config, client.Options{HTTPClient: httpClient, Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	clients, err := kubernetes.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &connection{Client: c, clients: clients, server: config.Host}, nil
}

// eachPage lists in pages, and hands each page over before the next is asked for. The list is used again for every page.
func (c *connection) eachPage(ctx context.Context, list client.ObjectList, handle func() error, options ...client.ListOption) error {
	for next := ""; ; {
		list.SetContinue("")
		page := append([]client.ListOption{client.Limit(pageSize), client.Continue(next)}, options...)
		if err := c.List(ctx, list, page...); err != nil {
			return err
		}
		if err := handle(); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// scalers hands over every ClusterScaler of a namespace, or of all with "".
func (c *connection) scalers(ctx context.Context, namespace, selector string, handle func(*v1alpha1.ClusterScaler) error) error {
	options := []client.ListOption{client.InNamespace(namespace)}
	if selector != "" {
		options = append(options, &client.ListOptions{Raw: &metav1.ListOptions{LabelSelector: selector}})
	}
	list := &v1alpha1.ClusterScalerList{}
	err := c.eachPage(ctx, list, func() error {
		for i := range list.Items {
			if err := handle(&list.Items[i]); err != nil {
				return err
			}
		}
		list.Items = nil // decoding into what was handed over would change it
		return nil
	}, options...)
	if err != nil {
		return fmt.Errorf("listing clusterscalers%s: %w", inNamespace(namespace), err)
	}
	return nil
}

// eachTablePage lists a kind of Metapilot's as the API server prints it, in pages: without what is not printed, such as the
// checkpoints of profiles, which are large.
func (c *connection) eachTablePage(ctx context.Context, resource, namespace string, handle func(*metav1.Table) error) error {
	path := "/apis/" + v1alpha1.GroupVersion.String()
	if namespace != "" {
		path += "/namespaces/" + namespace
	}
	for next := ""; ; {
		request := c.clients.CoreV1().RESTClient().Get().AbsPath(path+"/"+resource).
			SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
			Param("limit", fmt.Sprint(pageSize))
		if next != "" {
			request = request.Param("continue", next)
		}
		data, err := request.Do(ctx).Raw()
		if err != nil {
			return fmt.Errorf("listing %s%s: %w", resource, inNamespace(namespace), err)
		}
		table := &metav1.Table{}
		if err := json.Unmarshal(data, table); err != nil {
			return fmt.Errorf("reading the list of %s: %w", resource, err)
		}
		if err := handle(table); err != nil {
			return err
		}
		if next = table.Continue; next == "" {
			return nil
		}
	}
}

// get reads a path of the API server; what is not there is no data and no error.
func (c *connection) get(ctx context.Context, path string) ([]byte, error) {
	data, err := c.clients.CoreV1().RESTClient().Get().AbsPath(path).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return data, err
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}
