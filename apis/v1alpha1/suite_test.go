package v1alpha1_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

// The suite asks a real API server: what it takes, what it refuses and in which words, what it fills in, what it prints.

const namespace = "tenant"

var (
	// api refuses fields that it does not know, as kubectl does.
	api     client.Client
	clients kubernetes.Interface
)

func TestAPI(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "API v1alpha1")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })

	scheme := runtime.NewScheme()
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	Expect(corev1.AddToScheme(scheme)).To(Succeed())
	admin, err := client.New(box.RESTConfig(), client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	clients, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())

	// The server computes the cost of every rule here, and refuses a definition that is too dear.
	Expect(installation.Definitions(ctx, admin)).To(Succeed())
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	api = client.WithFieldValidation(admin, metav1.FieldValidationStrict)
})

// object is a manifest in the suite's namespace.
func object(manifest string) *unstructured.Unstructured {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	Expect(yaml.UnmarshalStrict([]byte(manifest), &o.Object)).To(Succeed())
	o.SetNamespace(namespace)
	return o
}

// file is the manifest in a file.
func file(name string) string {
	GinkgoHelper()
	data, err := os.ReadFile(name)
	Expect(err).NotTo(HaveOccurred())
	return string(data)
}

// change is one change of a manifest: the value, in YAML, at a JSON pointer; "" removes what is there.
type change struct{ at, value string }

func changed(o *unstructured.Unstructured, changes ...change) *unstructured.Unstructured {
	GinkgoHelper()
	document, err := o.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	for _, c := range changes {
		operation := map[string]any{"op": "remove", "path": c.at}
		if c.value != "" {
			var value any
			Expect(yaml.Unmarshal([]byte(c.value), &value)).To(Succeed(), c.value)
			operation = map[string]any{"op": "add", "path": c.at, "value": value}
		}
		operations, err := json.Marshal([]any{operation})
		Expect(err).NotTo(HaveOccurred())
		patch, err := jsonpatch.DecodePatch(operations)
		Expect(err).NotTo(HaveOccurred())
		document, err = patch.Apply(document)
		Expect(err).NotTo(HaveOccurred(), "%s: %s", c.at, c.value)
	}
	out := &unstructured.Unstructured{}
	Expect(out.UnmarshalJSON(document)).To(Succeed())
	return out
}

// tried is the object as the server would store it.
func tried(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	out := o.DeepCopy()
	return out, api.Create(ctx, out, client.DryRunAll)
}

// accepts expects that the server takes the object.
func accepts(ctx context.Context, o *unstructured.Unstructured) {
	GinkgoHelper()
	_, err := tried(ctx, o)
	Expect(err).NotTo(HaveOccurred())
}

// refuses expects that the server refuses the object, and tells the user so in these words, about this field.
func refuses(ctx context.Context, o *unstructured.Unstructured, field, words string) {
	GinkgoHelper()
	_, err := tried(ctx, o)
	Expect(err).To(MatchError(And(ContainSubstring(field), ContainSubstring(words))))
}

// letters is a name of that length.
func letters(n int) string { return strings.Repeat("a", n) }

// list is a YAML list of n times the item, in which # is the item's number.
func list(n int, item string) string {
	items := make([]string, n)
	for i := range items {
		number, _ := json.Marshal(i) // an int always marshals
		items[i] = strings.ReplaceAll(item, "#", string(number))
	}
	return "[" + strings.Join(items, ", ") + "]"
}
