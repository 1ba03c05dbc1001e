package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

var _ = Describe("Every rule", func() {
	// A union with one type cannot be given the wrong member: the type's enum refuses first. The entries here fall away with
	// the second type.
	unreachable := []string{
		"inPlace is only allowed when type is InPlace: remove it, or set type: InPlace",
	}
	// A cost is a property of the definition, and Definitions has installed it; what is left is that each message is tested.
	It("has a message that a test of this folder asserts", func() {
		tests := file("clusterscaler_test.go") + file("scalingrecord_test.go") + file("workloadprofile_test.go") + file("scaledown_test.go")
		for _, resource := range []string{"clusterscalers", "scalingrecords", "workloadprofiles"} {
			for _, message := range messages(schemaOf(resource)) {
				Expect(message).NotTo(BeEmpty())
				Expect(strings.Contains(tests, message) || slices.Contains(unreachable, message)).To(BeTrue(), message)
			}
		}
	})
})

// schemaOf is the schema of a resource, as generated.
func schemaOf(resource string) apiextensionsv1.JSONSchemaProps {
	GinkgoHelper()
	var definition apiextensionsv1.CustomResourceDefinition
	Expect(yaml.UnmarshalStrict([]byte(file("../../config/crd/bases/metapilot.dev_"+resource+".yaml")), &definition)).To(Succeed())
	return *definition.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// messages are those of all rules in a schema, each once.
func messages(schema apiextensionsv1.JSONSchemaProps) []string {
	var out []string
	for _, rule := range schema.XValidations {
		out = append(out, rule.Message)
	}
	for _, property := range schema.Properties {
		out = append(out, messages(property)...)
	}
	if schema.Items != nil {
		out = append(out, messages(*schema.Items.Schema)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// missing are the paths of the schema's properties that none of the values has.
func missing(path string, schema apiextensionsv1.JSONSchemaProps, values []any) []string {
	var out []string
	for name, property := range schema.Properties {
		var found []any
		for _, value := range values {
			if fields, ok := value.(map[string]any); ok {
				if v, ok := fields[name]; ok {
					found = append(found, v)
				}
			}
		}
		if len(found) == 0 {
			out = append(out, path+"."+name)
			continue
		}
		out = append(out, missing(path+"."+name, property, found)...)
	}
	if schema.Items != nil {
		var items []any
		for _, value := range values {
			if list, ok := value.([]any); ok {
				items = append(items, list...)
			}
		}
		out = append(out, missing(path+"[]", *schema.Items.Schema, items)...)
	}
	return out
}

// printed are the columns and the cells of one object's row, in pairs; wide columns carry a star, and an age is "young"; other
// times are "some time".
func printed(ctx SpecContext, resource, name string) [][2]string {
	GinkgoHelper()
	answer, err := clients.CoreV1().RESTClient().Get().
		AbsPath("/apis", v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, "namespaces", namespace, resource, name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	var table metav1.Table
	Expect(json.Unmarshal(answer, &table)).To(Succeed())
	Expect(table.Rows).To(HaveLen(1))
	var out [][2]string
	for i, column := range table.ColumnDefinitions {
		title, cell := column.Name, ""
		if value := table.Rows[0].Cells[i]; value != nil {
			cell = fmt.Sprint(value)
		}
		if column.Priority > 0 {
			title += "*"
		}
		if column.Type == "date" && column.Name != "Age" {
			cell = "some time"
		}
		if title == "Age" {
			Expect(cell).To(MatchRegexp(`^\d+s$`))
			cell = "young"
		}
		out = append(out, [2]string{title, cell})
	}
	return out
}
