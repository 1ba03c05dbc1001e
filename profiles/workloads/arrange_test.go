package workloads

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func deployment(name string) v1alpha1.WorkloadTarget {
	return v1alpha1.TargetOf(v1alpha1.TargetDeployment, name)
}

func statefulSet(name string) v1alpha1.WorkloadTarget {
	return v1alpha1.TargetOf(v1alpha1.TargetStatefulSet, name)
}

// made is a profile that Metapilot made for a component, whose workload was found.
func made(name, component string, target v1alpha1.WorkloadTarget) v1alpha1.WorkloadProfile {
	p := v1alpha1.WorkloadProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: name, Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelComponent: component}},
		Spec:       v1alpha1.WorkloadProfileSpec{Target: target},
	}
	p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionTargetFound, Status: metav1.ConditionTrue, Reason: reasonFound,
		Message: target.Kind + " " + target.Name + " exists", LastTransitionTime: metav1.NewTime(noon.Add(-time.Hour))}}
	return p
}

// gone is the profile with its workload gone for some time.
func gone(p v1alpha1.WorkloadProfile, since time.Duration) v1alpha1.WorkloadProfile {
	p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionTargetFound, Status: metav1.ConditionFalse, Reason: reasonGone,
		Message:            p.Spec.Target.Kind + " " + p.Spec.Target.Name + " does not exist; what is known of it is kept for 28 days",
		LastTransitionTime: metav1.NewTime(noon.Add(-since))}}
	return p
}

func users(p v1alpha1.WorkloadProfile) v1alpha1.WorkloadProfile {
	delete(p.Labels, v1alpha1.LabelManagedBy)
	return p
}

// summary is an arrangement in words.
type summary struct {
	Create, Update, Remove []string
	Mark                   map[string]string
	Again                  time.Duration
}

func summarize(a arrangement) summary {
	s := summary{Again: a.again}
	describe := func(p *v1alpha1.WorkloadProfile) string {
		return p.Name + " for " + p.Spec.Target.Kind + " " + p.Spec.Target.Name + " as " + p.Labels[v1alpha1.LabelComponent]
	}
	for _, p := range a.create {
		s.Create = append(s.Create, describe(p))
	}
	for _, p := range a.update {
		s.Update = append(s.Update, describe(p))
	}
	for _, p := range a.remove {
		s.Remove = append(s.Remove, p.Name)
	}
	for name, c := range a.mark {
		if s.Mark == nil {
			s.Mark = map[string]string{}
		}
		s.Mark[name] = string(c.Status) + " " + c.Reason + " for " + noon.Sub(c.LastTransitionTime.Time).String()
	}
	return s
}

func TestArrange(t *testing.T) {
	apiserver, etcd := made("deployment-kube-apiserver", "kube-apiserver", deployment("kube-apiserver")), made("statefulset-etcd", "etcd", statefulSet("etcd"))
	druid := v1alpha1.WorkloadTarget{APIVersion: "druid.gardener.cloud/v1alpha1", Kind: "Etcd", Name: "etcd-main"}
	components := map[v1alpha1.WorkloadTarget]string{deployment("kube-apiserver"): "kube-apiserver", deployment("apiserver-v2"): "kube-apiserver", statefulSet("etcd"): "etcd"}
	tests := map[string]struct {
		view namespaceView
		want summary
	}{
		"every workload gets a profile, called by its component where a ClusterScaler names it": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("kube-apiserver"), statefulSet("etcd"), deployment("proxy")}},
			want: summary{Create: []string{"deployment-kube-apiserver for Deployment kube-apiserver as kube-apiserver", "statefulset-etcd for StatefulSet etcd as etcd", "deployment-proxy for Deployment proxy as proxy"}},
		},
		"nothing is done where all is as it should be": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("kube-apiserver"), statefulSet("etcd")}, profiles: []v1alpha1.WorkloadProfile{apiserver, etcd}},
		},
		"a user's profile is kept to, and labelled": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("kube-apiserver")}, profiles: []v1alpha1.WorkloadProfile{users(made("mine", "", deployment("kube-apiserver")))}},
			want: summary{Update: []string{"mine for Deployment kube-apiserver as kube-apiserver"}},
		},
		"a profile whose workload is gone is kept and marked": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{statefulSet("etcd")}, profiles: []v1alpha1.WorkloadProfile{apiserver, etcd}},
			want: summary{Mark: map[string]string{"deployment-kube-apiserver": "False Gone for 0s"}, Again: Kept},
		},
		"its time runs from when the workload was first missed": {
			view: namespaceView{profiles: []v1alpha1.WorkloadProfile{gone(apiserver, 27*24*time.Hour)}},
			want: summary{Again: 24 * time.Hour},
		},
		"it is removed when it cannot say anything any more": {
			view: namespaceView{profiles: []v1alpha1.WorkloadProfile{gone(apiserver, Kept)}},
			want: summary{Remove: []string{"deployment-kube-apiserver"}},
		},
		"a user's profile is never removed": {
			view: namespaceView{profiles: []v1alpha1.WorkloadProfile{users(gone(made("mine", "kube-apiserver", deployment("kube-apiserver")), 2*Kept))}},
		},
		"a workload that is made anew finds its profile": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("kube-apiserver")}, profiles: []v1alpha1.WorkloadProfile{gone(apiserver, time.Hour)}},
			want: summary{Mark: map[string]string{"deployment-kube-apiserver": "True Found for 0s"}},
		},
		"a component that is moved to a workload of another name takes its profile along": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("apiserver-v2")}, profiles: []v1alpha1.WorkloadProfile{gone(apiserver, time.Hour)}},
			want: summary{Update: []string{"deployment-kube-apiserver for Deployment apiserver-v2 as kube-apiserver"}, Mark: map[string]string{"deployment-kube-apiserver": "True Found for 0s"}},
		},
		"it does not while the old workload is still there": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("apiserver-v2"), deployment("kube-apiserver")}, profiles: []v1alpha1.WorkloadProfile{apiserver}},
			want: summary{Create: []string{"deployment-apiserver-v2 for Deployment apiserver-v2 as kube-apiserver"}},
		},
		"a user's profile of what owns a workload is kept to, and looked after now and then": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{statefulSet("etcd")}, owners: map[v1alpha1.WorkloadTarget]bool{druid: true},
				profiles: []v1alpha1.WorkloadProfile{etcd, users(gone(made("mine", "etcd-main", druid), time.Hour))}},
			want: summary{Mark: map[string]string{"mine": "True Found for 0s"}, Again: lookAgain},
		},
		"a workload of another kind takes over what has its component's name": {
			view: namespaceView{workloads: []v1alpha1.WorkloadTarget{deployment("etcd")}, profiles: []v1alpha1.WorkloadProfile{gone(etcd, time.Hour)}},
			want: summary{Update: []string{"statefulset-etcd for Deployment etcd as etcd"}, Mark: map[string]string{"statefulset-etcd": "True Found for 0s"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.view.name, tc.view.managed, tc.view.components = "tenant", true, components
			if diff := cmp.Diff(tc.want, summarize(arrange(tc.view, noon))); diff != "" {
				t.Errorf("arrange (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArrangeKeepsWhatIsKnownOfATenantThatIsNotManaged(t *testing.T) {
	v := namespaceView{name: "tenant", profiles: []v1alpha1.WorkloadProfile{made("deployment-kube-apiserver", "kube-apiserver", deployment("kube-apiserver"))}}
	want := summary{Mark: map[string]string{"deployment-kube-apiserver": "False NotManaged for 0s"}, Again: Kept}
	if diff := cmp.Diff(want, summarize(arrange(v, noon))); diff != "" {
		t.Errorf("arrange (-want +got):\n%s", diff)
	}
}

func TestNamesAreShortEnoughAndUnique(t *testing.T) {
	long := strings.Repeat("a", 250)
	a, b := nameOf(statefulSet(long+"-1")), nameOf(statefulSet(long+"-2"))
	if a == b || len(a) > 253 {
		t.Errorf("names %q and %q, want two of at most 253 characters", a, b)
	}
	if got := v1alpha1.LabelValue(strings.Repeat("a", 62) + "-b"); len(got) > 63 || strings.HasSuffix(got, "-") {
		t.Errorf("label value %q, want at most 63 characters that do not end with a dash", got)
	}
}
