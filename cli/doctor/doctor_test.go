package doctor_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/metapilot/metapilot/cli/doctor"
	"github.com/metapilot/metapilot/cli/internal/golden"
	"github.com/metapilot/metapilot/cli/show"
)

func healthy() doctor.Facts {
	return doctor.Facts{
		Wanted: []string{"clusterscalers", "scalingrecords"}, Served: []string{"clusterscalers", "scalingrecords"},
		Leader: "metapilot-1", LeaderAge: 2 * time.Second, ManagerAccount: "metapilot-system/metapilot-manager",
		Mine:     []doctor.Permission{{Verb: "list", Resource: "clusterscalers.metapilot.dev", Allowed: true, For: "every verb"}},
		Managers: []doctor.Permission{{Verb: "patch", Resource: "pods/resize", Allowed: true}},
		Scalers:  []doctor.Scaler{{Tenant: "tenant-0001", Name: "control-plane", Seen: true, Age: time.Hour}},
	}
}

func TestTheHealthyAreFine(t *testing.T) {
	for _, f := range doctor.Judge(healthy()) {
		if f.Severity != doctor.Fine {
			t.Errorf("%+v", f)
		}
	}
}

func TestEveryFindingSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*doctor.Facts)
		want   doctor.Severity
		says   string
	}{
		"a definition is missing": {func(f *doctor.Facts) { f.Served = f.Served[:1] }, doctor.Problem, "scalingrecords is not served"},
		"no leader":               {func(f *doctor.Facts) { f.Leader = "" }, doctor.Problem, "nobody holds the Lease"},
		"a dead leader":           {func(f *doctor.Facts) { f.LeaderAge = time.Hour }, doctor.Problem, "has not renewed its Lease for 1h"},
		"an unknown leader":       {func(f *doctor.Facts) { f.LeaderError = "forbidden" }, doctor.Unchecked, "forbidden"},
		"no metrics":              {func(f *doctor.Facts) { f.MetricsError = "not registered" }, doctor.Problem, "not registered"},
		"I may not":               {func(f *doctor.Facts) { f.Mine[0].Allowed = false }, doctor.Note, "may not list clusterscalers.metapilot.dev"},
		"the manager may not":     {func(f *doctor.Facts) { f.Managers[0].Allowed = false }, doctor.Problem, "may not patch pods/resize"},
		"not known what it may":   {func(f *doctor.Facts) { f.ManagersError = "forbidden" }, doctor.Unchecked, "forbidden"},
		"no scalers":              {func(f *doctor.Facts) { f.Scalers = nil }, doctor.Note, "there is no ClusterScaler"},
		"scalers not readable":    {func(f *doctor.Facts) { f.Scalers, f.ScalersError = nil, "forbidden" }, doctor.Unchecked, "forbidden"},
		"an unseen scaler":        {func(f *doctor.Facts) { f.Scalers[0].Seen = false }, doctor.Problem, "no manager has looked at it"},
		"at the maximum": {func(f *doctor.Facts) {
			f.Scalers[0].Conditions = []doctor.Condition{{Type: "AtMaximum", Reason: "AtMaximum", Message: "etcd: needs more"}}
		}, doctor.Problem, "AtMaximum: etcd: needs more"},
		"paused":              {func(f *doctor.Facts) { f.Scalers[0].PausedUntil = "Both until noon" }, doctor.Note, "Both until noon"},
		"a stale profile":     {func(f *doctor.Facts) { f.Scalers[0].Stale = []string{"etcd"} }, doctor.Problem, "not fresh: etcd"},
		"no profile":          {func(f *doctor.Facts) { f.Scalers[0].Unprofiled = []string{"etcd"} }, doctor.Note, "nothing is measured yet of etcd"},
		"profiles unreadable": {func(f *doctor.Facts) { f.ProfilesError = "forbidden" }, doctor.Unchecked, "forbidden"},
		"not enrolled":        {func(f *doctor.Facts) { f.Unscaled, f.TenantSelector = []string{"t"}, "a=b" }, doctor.Problem, "is a tenant (a=b) and has no ClusterScaler"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := healthy()
			tc.change(&facts)
			found := doctor.Judge(facts)[0]
			if said := found.Subject + " " + found.Message; found.Severity != tc.want || !strings.Contains(said, tc.says) {
				t.Errorf("%s %q, want %s %q", found.Severity, said, tc.want, tc.says)
			}
			if found.Fix == "" {
				t.Error("it does not say what to do")
			}
			if want := map[bool]int{true: 1}[tc.want == doctor.Problem]; doctor.Problems(doctor.Judge(facts)) != want {
				t.Errorf("%d problems, want %d", doctor.Problems(doctor.Judge(facts)), want)
			}
		})
	}
}

func TestANewObjectIsGivenTime(t *testing.T) {
	f := healthy()
	f.Scalers[0].Seen, f.Scalers[0].Age = false, time.Minute
	if found := doctor.Judge(f)[0]; found.Severity != doctor.Fine {
		t.Errorf("%+v", found)
	}
}

// TestWhatIsNotMeasuredIsNotFresh keeps a profile without numbers from being called fresh.
func TestWhatIsNotMeasuredIsNotFresh(t *testing.T) {
	f := healthy()
	f.Scalers[0].Unprofiled = []string{"etcd"}
	for _, found := range doctor.Judge(f) {
		if found.Check == "profiles" && found.Severity == doctor.Fine {
			t.Errorf("%+v", found)
		}
	}
}

func TestTable(t *testing.T) {
	f := healthy()
	f.MetricsError, f.TenantSelector = "is not registered", "metapilot.dev/tenant"
	for i := range 22 {
		f.Unscaled = append(f.Unscaled, fmt.Sprintf("tenant-%04d", i))
	}
	table, leftOut := doctor.Table(doctor.Judge(f), false)
	if leftOut != 2 {
		t.Errorf("%d left out, want 2", leftOut)
	}
	var out bytes.Buffer
	if err := table.Write(&out, show.FormatTable, false); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "table.txt", out.Bytes())
}
