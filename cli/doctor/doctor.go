package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metapilot/metapilot/cli/show"
)

// Severity is how much a finding matters.
type Severity string

// The severities, the worst first.
const (
	// Problem needs a person.
	Problem Severity = "Problem"
	// Unchecked could not be looked at.
	Unchecked Severity = "Unchecked"
	// Note is worth knowing.
	Note Severity = "Note"
	// Fine is as it should be.
	Fine Severity = "Fine"
)

// Finding is one thing that was found.
type Finding struct {
	Severity Severity `json:"severity"`
	// Check that found it.
	Check string `json:"check"`
	// Subject is what it was found of, such as a tenant; "" is the installation.
	Subject string `json:"subject,omitempty"`
	Message string `json:"message"`
	// Fix is what to do, in a sentence.
	Fix string `json:"fix,omitempty"`
}

// Permission is one thing that somebody may do or not.
type Permission struct {
	// Verb and Resource are as in "list clusterscalers.metapilot.dev".
	Verb, Resource string
	Allowed        bool
	// For is what it is needed for.
	For string
}

// Scaler is what matters of a ClusterScaler.
type Scaler struct {
	Tenant, Name string
	// Seen tells whether a manager has written a status for the present spec.
	Seen bool
	// Age of the object.
	Age time.Duration
	// PausedUntil is "" where it is not paused.
	PausedUntil string
	// Conditions are those that are worrying.
	Conditions []Condition
	// Unprofiled are components of which no profile has numbers, Stale those whose profile is not fresh.
	Unprofiled, Stale []string
}

// Condition is a condition that is not as it should be.
type Condition struct{ Type, Reason, Message string }

// Facts are what was read. An error is why something could not be; nil slices were not asked for.
type Facts struct {
	// Served are the resources of Metapilot's API that are served, of those Wanted.
	Wanted, Served []string
	// MetricsError is "" where metrics.k8s.io answers.
	MetricsError string
	// Leader is who holds the Lease, LeaderAge how long ago it was renewed; LeaderError is why that is not known.
	Leader      string
	LeaderAge   time.Duration
	LeaderError string
	// Mine are the permissions of who asks, Managers those of the manager.
	Mine, Managers []Permission
	ManagersError  string
	ManagerAccount string
	Scalers        []Scaler
	ScalersError   string
	ProfilesError  string
	// Unscaled are tenants' namespaces without a ClusterScaler; TenantSelector is how they were found.
	Unscaled       []string
	TenantSelector string
	TenantsError   string
}

const (
	// leaseLimit is how old a Lease may be: it is renewed every few seconds.
	leaseLimit = time.Minute
	// mostMissing is how many missing permissions are named.
	mostMissing = 5
	// patience is how long a manager may take for a new object.
	patience = 5 * time.Minute
)

// Judge gives the findings, the worst first.
func Judge(f Facts) []Finding {
	var out []Finding
	for _, check := range []func(Facts) []Finding{api, manager, metrics, permissions, managersPermissions, scalers, profiles, tenants} {
		out = append(out, check(f)...)
	}
	order := []Severity{Problem, Unchecked, Note, Fine}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return out
}

// Problems counts those that need a person.
func Problems(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Severity == Problem {
			n++
		}
	}
	return n
}

func api(f Facts) []Finding {
	var out []Finding
	for _, resource := range f.Wanted {
		if !slices.Contains(f.Served, resource) {
			out = append(out, Finding{Problem, "api", resource, "is not served", "Install the CustomResourceDefinitions of this version: kubectl apply --server-side -k config/crd."})
		}
	}
	if out == nil {
		out = append(out, Finding{Severity: Fine, Check: "api", Message: "served: " + strings.Join(f.Served, ", ")})
	}
	return out
}

func manager(f Facts) []Finding {
	switch {
	case f.LeaderError != "":
		return []Finding{{Unchecked, "manager", "", f.LeaderError, "Name the manager's namespace with --manager-namespace, or ask for permission to get its Lease."}}
	case f.Leader == "":
		return []Finding{{Problem, "manager", "", "nobody holds the Lease", "Start a manager: kubectl apply -k config/default; if it runs, read its log."}}
	case f.LeaderAge > leaseLimit:
		return []Finding{{Problem, "manager", f.Leader, "has not renewed its Lease for " + show.Age(f.LeaderAge), "See whether the manager's pods run, and read their logs."}}
	default:
		return []Finding{{Severity: Fine, Check: "manager", Subject: f.Leader, Message: "leads; its Lease was renewed " + show.Age(f.LeaderAge) + " ago"}}
	}
}

func metrics(f Facts) []Finding {
	if f.MetricsError == "" {
		return []Finding{{Severity: Fine, Check: "metrics", Message: "metrics.k8s.io answers"}}
	}
	return []Finding{{Problem, "metrics", "metrics.k8s.io", f.MetricsError,
		"Install or repair metrics-server (kubectl get apiservice v1beta1.metrics.k8s.io says more); until then OOM kills are answered, and nothing is made smaller."}}
}

func permissions(f Facts) []Finding {
	var out []Finding
	for _, p := range f.Mine {
		if !p.Allowed {
			out = append(out, Finding{Note, "permissions", "you", fmt.Sprintf("may not %s %s", p.Verb, p.Resource), "Ask for it, if you need it: it is for " + p.For + "."})
		}
	}
	if out == nil && len(f.Mine) > 0 {
		out = append(out, Finding{Severity: Fine, Check: "permissions", Subject: "you", Message: "may run every verb"})
	}
	return out
}

func managersPermissions(f Facts) []Finding {
	if f.ManagersError != "" {
		return []Finding{{Unchecked, "permissions", f.ManagerAccount, f.ManagersError, "Ask for permission to create subjectaccessreviews.authorization.k8s.io, or let an administrator run this."}}
	}
	var missing []string
	for _, p := range f.Managers {
		if !p.Allowed {
			missing = append(missing, p.Verb+" "+p.Resource)
		}
	}
	if more := len(missing) - mostMissing; more > 0 {
		missing = append(missing[:mostMissing], fmt.Sprintf("and %d things more", more))
	}
	if len(missing) > 0 {
		return []Finding{{Problem, "permissions", f.ManagerAccount, "may not " + strings.Join(missing, ", "), "Apply the permissions of this version: kubectl apply -k config/default (config/rbac)."}}
	}
	return []Finding{{Severity: Fine, Check: "permissions", Subject: f.ManagerAccount, Message: fmt.Sprintf("may all %d things that a manager does", len(f.Managers))}}
}

// fixes are what to do about a condition.
var fixes = map[string]string{
	"Ready":        "Write what the message says: until then this component gets no rescue.",
	"Conflicted":   "Agree on one writer of the size: take the component out of the ClusterScaler, or set actuation.inPlace.onForeignOwner: TakeOver.",
	"AtMaximum":    "The tenant suffers now: raise bounds.max, add larger nodes, or lower the load.",
	"SignalsFresh": "Repair the source of signals that the message names; until then nothing is made smaller.",
}

func scalers(f Facts) []Finding {
	if f.ScalersError != "" {
		return []Finding{{Unchecked, "tenants", "", f.ScalersError, "Ask for permission to list clusterscalers, or look at one tenant with -n."}}
	}
	if len(f.Scalers) == 0 {
		return []Finding{{Note, "tenants", "", "there is no ClusterScaler", "Create one in each tenant's namespace: config/samples/clusterscaler-minimal.yaml is a start."}}
	}
	var out []Finding
	for _, s := range f.Scalers {
		subject := s.Tenant + "/" + s.Name
		if !s.Seen && s.Age > patience {
			out = append(out, Finding{Problem, "tenants", subject, "no manager has looked at it as it is now", "See whether a manager runs, and read its log for this namespace."})
		}
		for _, c := range s.Conditions {
			out = append(out, Finding{Problem, c.Type, subject, c.Reason + ": " + c.Message, fixes[c.Type]})
		}
		if s.PausedUntil != "" {
			out = append(out, Finding{Note, "paused", subject, s.PausedUntil, "It ends by itself; metapilot resume " + s.Tenant + " ends it now."})
		}
	}
	if out == nil {
		out = append(out, Finding{Severity: Fine, Check: "tenants", Message: show.Count(len(f.Scalers), "ClusterScaler is", "ClusterScalers are") + " looked after"})
	}
	return out
}

func profiles(f Facts) []Finding {
	if f.ProfilesError != "" {
		return []Finding{{Unchecked, "profiles", "", f.ProfilesError, "Ask for permission to list workloadprofiles."}}
	}
	var out []Finding
	for _, s := range f.Scalers {
		if len(s.Stale) > 0 {
			out = append(out, Finding{Problem, "profiles", s.Tenant, "not fresh: " + strings.Join(s.Stale, ", "), "See whether the profile service runs and its source of usage answers; until then these are not made smaller."})
		}
		if len(s.Unprofiled) > 0 {
			out = append(out, Finding{Note, "profiles", s.Tenant, "nothing is measured yet of " + strings.Join(s.Unprofiled, ", "), "Wait a few minutes; then see whether profiles.state is Enabled in the configuration, its source answers, and the workloads exist."})
		}
	}
	if out == nil && len(f.Scalers) > 0 {
		out = append(out, Finding{Severity: Fine, Check: "profiles", Message: "every component's profile is fresh"})
	}
	return out
}

func tenants(f Facts) []Finding {
	if f.TenantsError != "" {
		return []Finding{{Unchecked, "enrolment", "", f.TenantsError, "Ask for permission to list namespaces."}}
	}
	var out []Finding
	for _, name := range f.Unscaled {
		out = append(out, Finding{Problem, "enrolment", name, fmt.Sprintf("is a tenant (%s) and has no ClusterScaler", f.TenantSelector), "Create one there, or take the label away."})
	}
	return out
}

// mostOfACheck is how many findings of one check a table shows.
const mostOfACheck = 20

// Table shows findings; of many alike the first, unless all are asked for.
func Table(findings []Finding, all bool) (table show.Table, leftOut int) {
	table.Columns = []show.Column{{Name: "SEVERITY"}, {Name: "CHECK"}, {Name: "SUBJECT"}, {Name: "FINDING"}, {Name: "WHAT TO DO"}}
	tones := map[Severity]show.Tone{Problem: show.Bad, Unchecked: show.Notable, Note: show.Plain, Fine: show.Good}
	seen := map[string]int{}
	for _, f := range findings {
		key := string(f.Severity) + f.Check
		if seen[key]++; seen[key] > mostOfACheck && !all {
			leftOut++
			continue
		}
		table.Rows = append(table.Rows, []show.Cell{{Text: string(f.Severity), Tone: tones[f.Severity]}, show.Text(f.Check), show.Text(f.Subject), show.Text(f.Message), show.Text(f.Fix)})
	}
	return table, leftOut
}
