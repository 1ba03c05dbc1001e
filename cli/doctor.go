package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/doctor"
	"github.com/metapilot/metapilot/cli/pausing"
	"github.com/metapilot/metapilot/cli/show"
	"github.com/metapilot/metapilot/config"
)

type doctorVerb struct {
	scope
	managerNamespace, managerAccount, lease, tenantSelector string
}

func newDoctor(o Options) *cobra.Command {
	v := &doctorVerb{scope: scope{Options: o}}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with the installation, and what to do about it",
		Long: `Find what is wrong with the installation, and what to do about it: the API, the manager and its permissions, yours,
metrics, tenants, their conditions and profiles. All tenants are looked at, or with -n one.
What could not be looked at is said to be unchecked. The exit code is 1 when something needs a person.`,
		Example: `  metapilot doctor

  # for a program
  metapilot doctor -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return v.run(c.Context()) },
	}
	c.ValidArgsFunction = cobra.NoFileCompletions
	v.addTo(c, true, show.FormatTable, show.FormatWide, show.FormatJSON, show.FormatYAML, show.FormatCSV, show.FormatMarkdown)
	c.Flags().StringVar(&v.managerNamespace, "manager-namespace", "metapilot-system", "where the manager is")
	c.Flags().StringVar(&v.managerAccount, "manager-account", "metapilot-manager", "its service account")
	c.Flags().StringVar(&v.lease, "lease", "metapilot", "its Lease: leaderElection.name of the configuration")
	c.Flags().StringVar(&v.tenantSelector, "tenant-selector", "metapilot.dev/tenant", "labels of the namespaces that should have a ClusterScaler")
	return c
}

func (v *doctorVerb) run(ctx context.Context) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	if v.all && v.namespace != "" {
		return usagef("-A means all tenants and %s one: leave out one of the two", v.namespace)
	}
	connection, err := v.connect()
	if err != nil {
		return err
	}
	facts, err := v.facts(ctx, connection)
	if err != nil {
		return advised(err, connection.server)
	}
	findings := doctor.Judge(facts)
	if err := v.tell(findings, format); err != nil {
		return err
	}
	if n := doctor.Problems(findings); n > 0 {
		return fmt.Errorf("%s a person", show.Count(n, "finding needs", "findings need"))
	}
	return nil
}

func (v *doctorVerb) tell(findings []doctor.Finding, format show.Format) error {
	if format == show.FormatJSON || format == show.FormatYAML {
		return show.Document(v.Out, format, map[string]any{"findings": findings})
	}
	table, leftOut := doctor.Table(findings, format != show.FormatTable)
	if leftOut > 0 {
		defer fmt.Fprintf(v.Err, "%s like these left out: -o wide shows all\n", show.Count(leftOut, "finding", "findings"))
	}
	return table.Write(v.Out, format, v.colour())
}

// facts reads all that it may. Only what makes everything else pointless is an error.
func (v *doctorVerb) facts(ctx context.Context, c *connection) (doctor.Facts, error) {
	f := doctor.Facts{
		Wanted:         []string{"clusterscalers", "scalingrecords", "workloadprofiles"},
		ManagerAccount: v.managerNamespace + "/" + v.managerAccount,
		TenantSelector: v.tenantSelector,
	}
	var err error
	if f.Served, err = c.servedOf(ctx, f.Wanted); err != nil {
		return f, fmt.Errorf("asking which APIs are served: %w", err)
	}
	f.MetricsError = c.metricsError(ctx)
	v.leader(ctx, c, &f)
	if f.Mine, err = c.mine(ctx, v.namespace); err != nil {
		return f, err
	}
	if f.Managers, err = c.managers(ctx, v.managerNamespace, v.managerAccount); err != nil {
		f.ManagersError = err.Error()
	}
	if slices.Contains(f.Served, "clusterscalers") {
		v.tenantFacts(ctx, c, &f)
	}
	return f, nil
}

// servedOf gives which resources of Metapilot's version are served.
func (c *connection) servedOf(ctx context.Context, wanted []string) ([]string, error) {
	data, err := c.get(ctx, "/apis/"+v1alpha1.GroupVersion.String())
	if err != nil || data == nil {
		return nil, err
	}
	list := metav1.APIResourceList{}
	if err := yaml.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	var served []string
	for _, resource := range list.APIResources {
		if slices.Contains(wanted, resource.Name) {
			served = append(served, resource.Name)
		}
	}
	slices.Sort(served)
	return served, nil
}

// metricsError is why metrics.k8s.io does not answer; "" when it does.
func (c *connection) metricsError(ctx context.Context) string {
	data, err := c.get(ctx, "/apis/metrics.k8s.io/v1beta1")
	switch {
	case err != nil:
		return "is registered and does not answer: " + err.Error()
	case data == nil:
		return "is not registered"
	default:
		return ""
	}
}

func (v *doctorVerb) leader(ctx context.Context, c *connection, f *doctor.Facts) {
	lease, err := c.clients.CoordinationV1().Leases(v.managerNamespace).Get(ctx, v.lease, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return
	case err != nil:
		f.LeaderError = err.Error()
		return
	}
	if lease.Spec.HolderIdentity != nil {
		f.Leader = *lease.Spec.HolderIdentity
	}
	f.LeaderAge = 365 * 24 * time.Hour // never renewed
	if lease.Spec.RenewTime != nil {
		f.LeaderAge = v.Clock.Now().Sub(lease.Spec.RenewTime.Time)
	}
}

// mine asks what whoever asks may do of what the verbs need.
func (c *connection) mine(ctx context.Context, namespace string) ([]doctor.Permission, error) {
	needs := []doctor.Permission{
		{Verb: "list", Resource: "clusterscalers", For: "explain, report, pause, resume and doctor"},
		{Verb: "list", Resource: "scalingrecords", For: "history"},
		{Verb: "get", Resource: "scalingrecords", For: "explain and report"},
		{Verb: "list", Resource: "workloadprofiles", For: "the profiles in explain, report and doctor"},
		{Verb: "get", Resource: "clusterscalers", For: "pause and resume"},
		{Verb: "patch", Resource: "clusterscalers", For: "pause and resume"},
	}
	for i := range needs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: needs[i].Verb, Group: v1alpha1.GroupVersion.Group, Resource: needs[i].Resource},
		}}
		review, err := c.clients.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("asking what you may do: %w", err)
		}
		needs[i].Allowed = review.Status.Allowed
		needs[i].Resource += "." + v1alpha1.GroupVersion.Group
	}
	return needs, nil
}

// managers asks what the manager may do of what its shipped roles say that it needs.
func (c *connection) managers(ctx context.Context, namespace, account string) ([]doctor.Permission, error) {
	reviews, err := managersReviews(namespace, account)
	if err != nil {
		return nil, err
	}
	out := make([]doctor.Permission, len(reviews))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, review := range reviews {
		group.Go(func() error {
			answer, err := c.clients.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			a := review.Spec.ResourceAttributes
			resource := strings.TrimSuffix(a.Resource+"."+a.Group, ".")
			if a.Subresource != "" {
				resource = strings.TrimSuffix(a.Resource+"/"+a.Subresource+"."+a.Group, ".")
			}
			out[i] = doctor.Permission{Verb: a.Verb, Resource: resource, Allowed: answer.Status.Allowed}
			return nil
		})
	}
	return out, group.Wait()
}

// managersReviews are the questions that the shipped roles make.
func managersReviews(namespace, account string) ([]*authorizationv1.SubjectAccessReview, error) {
	data, err := config.Manifests.ReadFile("rbac/role.yaml")
	if err != nil {
		return nil, err
	}
	var out []*authorizationv1.SubjectAccessReview
	for _, document := range strings.Split(string(data), "\n---\n") {
		role := rbacv1.Role{}
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			return nil, fmt.Errorf("reading the manager's role: %w", err)
		}
		in := ""
		if role.Kind == "Role" {
			in = namespace
		}
		for _, rule := range role.Rules {
			for _, apiGroup := range rule.APIGroups {
				for _, named := range rule.Resources {
					for _, verb := range rule.Verbs {
						resource, sub, _ := strings.Cut(named, "/")
						out = append(out, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
							User:               "system:serviceaccount:" + namespace + ":" + account,
							Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
							ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: in, Verb: verb, Group: apiGroup, Resource: resource, Subresource: sub},
						}})
					}
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the manager's role has no rules")
	}
	return out, nil
}

// tenantFacts reads the ClusterScalers, their profiles, and the namespaces that should have one.
func (v *doctorVerb) tenantFacts(ctx context.Context, c *connection, f *doctor.Facts) {
	profiles, unreadable := c.profileFacts(ctx, v.namespace, v.Clock.Now())
	if unreadable != nil {
		f.ProfilesError = unreadable.Error()
	}
	scaled := map[string]bool{}
	err := c.scalers(ctx, v.namespace, "", func(s *v1alpha1.ClusterScaler) error {
		scaled[s.Namespace] = true
		found := v.scalerFacts(s)
		for _, component := range s.Spec.Components {
			switch p, ok := profiles[componentKey{s.Namespace, component.Name}]; {
			case unreadable != nil:
			case !ok || !p.measured:
				found.Unprofiled = append(found.Unprofiled, component.Name)
			case !p.Fresh:
				found.Stale = append(found.Stale, component.Name)
			}
		}
		f.Scalers = append(f.Scalers, found)
		return nil
	})
	if err != nil {
		f.ScalersError = err.Error()
		return
	}
	if v.namespace != "" {
		return
	}
	tenants, err := c.namespaces(ctx, v.tenantSelector)
	if err != nil {
		f.TenantsError = err.Error()
		return
	}
	for name := range tenants {
		if !scaled[name] {
			f.Unscaled = append(f.Unscaled, name)
		}
	}
	slices.Sort(f.Unscaled)
}

func (v *doctorVerb) scalerFacts(s *v1alpha1.ClusterScaler) doctor.Scaler {
	out := doctor.Scaler{Tenant: s.Namespace, Name: s.Name, Seen: s.Status.ObservedGeneration == s.Generation, Age: v.Clock.Now().Sub(s.CreationTimestamp.Time)}
	if ready := apimeta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason == string(decision.ReasonAnotherScaler) {
		out.Seen = true
	}
	if p := s.Spec.Pause; p != nil && p.Until.After(v.Clock.Now()) {
		out.PausedUntil = pausing.Say(p, v.Clock.Now())
	}
	worrying := map[string]metav1.ConditionStatus{
		v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionSignalsFresh: metav1.ConditionFalse,
		v1alpha1.ConditionConflicted: metav1.ConditionTrue, v1alpha1.ConditionAtMaximum: metav1.ConditionTrue,
	}
	for _, c := range s.Status.Conditions {
		if worrying[c.Type] == c.Status {
			out.Conditions = append(out.Conditions, doctor.Condition{Type: c.Type, Reason: c.Reason, Message: c.Message})
		}
	}
	return out
}
