package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/report"
)

// componentKey is a component of a tenant.
type componentKey struct{ tenant, component string }

// profileFacts is what the API server prints of a WorkloadProfile.
type profileFacts struct {
	report.Profile
	// measured tells whether anything has been.
	measured bool
	age      time.Duration
}

// profileFacts reads what is printed of every profile of a component, without the checkpoints that make profiles large.
func (c *connection) profileFacts(ctx context.Context, namespace string, now time.Time) (map[componentKey]profileFacts, error) {
	out := map[componentKey]profileFacts{}
	columns := map[string]int{} // the first page alone has them
	err := c.eachTablePage(ctx, "workloadprofiles", namespace, func(t *metav1.Table) error {
		for i, column := range t.ColumnDefinitions {
			columns[column.Name] = i
		}
		for _, row := range t.Rows {
			o := metav1.PartialObjectMetadata{}
			if err := json.Unmarshal(row.Object.Raw, &o); err != nil {
				return fmt.Errorf("reading a row of workloadprofiles: %w", err)
			}
			component := o.Labels[v1alpha1.LabelComponent]
			if component == "" {
				continue
			}
			cell := func(name string) any {
				if i, ok := columns[name]; ok && i < len(row.Cells) {
					return row.Cells[i]
				}
				return nil
			}
			facts := profileFacts{Profile: report.Profile{Fresh: cell("Fresh") == "True"}, age: now.Sub(o.CreationTimestamp.Time)}
			switch confidence := cell("Confidence").(type) {
			case int64:
				facts.ConfidencePercent = new(int32(confidence))
			case float64:
				facts.ConfidencePercent = new(int32(confidence))
			}
			container, _ := cell("Container").(string)
			facts.measured = container != ""
			out[componentKey{o.Namespace, component}] = facts
		}
		return nil
	})
	return out, err
}
