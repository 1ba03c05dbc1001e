package cli_test

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/test/installation"
)

var _ = Describe("doctor", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		tenant(ctx, "sick")
		scaler(ctx, scalerOf("sick", "Auto", `
status:
  observedGeneration: 1
  conditions:
  - {type: Ready, status: "False", reason: WorkloadNotFound, message: "etcd: statefulset etcd does not exist: write its name", lastTransitionTime: "2026-01-03T11:30:00Z"}
  - {type: Conflicted, status: "False", reason: SoleWriter, message: none, lastTransitionTime: "2026-01-03T11:30:00Z"}
  - {type: AtMaximum, status: "True", reason: AtMaximum, message: "kube-apiserver: needs more than bounds.max.memory 16Gi", lastTransitionTime: "2026-01-03T11:30:00Z"}
`))
		profile(ctx, `
metadata: {name: kube-apiserver, namespace: sick, labels: {metapilot.dev/component: kube-apiserver}}
spec: {target: {apiVersion: apps/v1, kind: Deployment, name: kube-apiserver}}
status:
  conditions: [{type: SignalsFresh, status: "False", reason: Stale, message: no sample for 42m0s, lastTransitionTime: "2026-01-01T00:00:00Z"}]
  containers: [{name: kube-apiserver, target: {cpu: 500m, memory: 1Gi}, confidencePercent: 98}]
`)
		Expect(api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "unscaled", Labels: map[string]string{"metapilot.dev/tenant": "u"}}})).To(Succeed())
	})

	It("finds what is wrong, and says what to do", func(ctx SpecContext) {
		got := ask(ctx, "doctor", "-o", "wide")
		Expect(got.err).To(MatchError(MatchRegexp(`^\d+ findings need a person$`)))
		Expect(got.out).To(And(
			MatchRegexp(`Problem +manager +- +nobody holds the Lease +Start a manager`),
			MatchRegexp(`Problem +metrics +metrics.k8s.io +is not registered +Install or repair metrics-server`),
			MatchRegexp(`Problem +permissions +metapilot-system/metapilot-manager +may not get nodes, .*, and \d+ things more +Apply the permissions`),
			MatchRegexp(`Problem +Ready +sick/control-plane +WorkloadNotFound: etcd: statefulset etcd does not exist`),
			MatchRegexp(`Problem +AtMaximum +sick/control-plane +AtMaximum: kube-apiserver: needs more`),
			MatchRegexp(`Problem +profiles +sick +not fresh: kube-apiserver`),
			MatchRegexp(`Note +profiles +sick +nothing is measured yet of etcd`),
			MatchRegexp(`Problem +enrolment +unscaled +is a tenant \(metapilot.dev/tenant\) and has no ClusterScaler`),
			MatchRegexp(`Fine +api +- +served: clusterscalers, scalingrecords, workloadprofiles`),
			Not(ContainSubstring("SoleWriter")),
		))
	})

	It("finds a manager that leads and may do what it must", func(ctx SpecContext) {
		_, err := installation.Manager(ctx, box.RESTConfig(), api)
		Expect(err).NotTo(HaveOccurred())
		Expect(api.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: "metapilot", Namespace: installation.Namespace},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("metapilot-1"), RenewTime: &metav1.MicroTime{Time: now}},
		})).To(Succeed())
		got := ask(ctx, "doctor", "-n", "sick")
		Expect(got.out).To(And(
			MatchRegexp(`Fine +manager +metapilot-1 +leads`),
			MatchRegexp(`Fine +permissions +metapilot-system/metapilot-manager +may all \d\d things that a manager does`),
			Not(ContainSubstring("unscaled")),
		))
	})

	It("says what it could not look at, and never that it is fine", func(ctx SpecContext) {
		got := ask(ctx, "doctor", "-o", "json", "--as", "nobody-special", "--as-group", "system:authenticated")
		Expect(got.err).To(HaveOccurred(), "metrics are missing all the same")
		var document struct {
			Findings []struct{ Severity, Check, Message, Fix string }
		}
		Expect(json.Unmarshal([]byte(got.out), &document)).To(Succeed())
		unchecked := map[string]bool{}
		for _, f := range document.Findings {
			if f.Severity != "Fine" {
				Expect(f.Fix).NotTo(BeEmpty(), f.Message)
			}
			if f.Severity == "Unchecked" {
				unchecked[f.Check] = true
			}
		}
		Expect(unchecked).To(And(HaveKey("manager"), HaveKey("permissions"), HaveKey("tenants"), HaveKey("profiles")))
	})
})
