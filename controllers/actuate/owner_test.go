package actuate_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/controllers/actuate"
)

const memoryOfMain = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:resources":{"f:limits":{"f:memory":{}}}}}}}}}`

func TestForeignOwner(t *testing.T) {
	writes := func(manager string, op metav1.ManagedFieldsOperationType, subresource, fields string) metav1.ObjectMeta {
		return metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: manager, Operation: op, Subresource: subresource, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
		}}}
	}
	labels := func(kv ...string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Labels: map[string]string{kv[0]: kv[1]}}
	}
	tests := map[string]struct {
		meta metav1.ObjectMeta
		want string
	}{
		"nobody":            {},
		"kubectl create":    {meta: writes("kubectl-create", metav1.ManagedFieldsOperationUpdate, "", memoryOfMain)},
		"client-side apply": {meta: writes("kubectl-client-side-apply", metav1.ManagedFieldsOperationUpdate, "", memoryOfMain)},
		"Metapilot itself":  {meta: writes("metapilot", metav1.ManagedFieldsOperationApply, "", memoryOfMain)},
		"an applier": {
			meta: writes("op", metav1.ManagedFieldsOperationApply, "", memoryOfMain), want: `field manager "op" (server-side apply)`,
		},
		"an applier of another container": {meta: writes("op", metav1.ManagedFieldsOperationApply, "",
			`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"other\"}":{"f:resources":{"f:limits":{"f:memory":{}}}}}}}}}`)},
		"an applier of the image only": {meta: writes("op", metav1.ManagedFieldsOperationApply, "",
			`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:image":{},"f:resources":{}}}}}}}`)},
		"an applier of the replicas only": {meta: writes("op", metav1.ManagedFieldsOperationApply, "scale", `{"f:spec":{"f:replicas":{}}}`)},
		"a sidecar's applier": {
			meta: writes("op", metav1.ManagedFieldsOperationApply, "",
				`{"f:spec":{"f:template":{"f:spec":{"f:initContainers":{"k:{\"name\":\"main\"}":{"f:resources":{"f:requests":{"f:cpu":{}}}}}}}}}`),
			want: `field manager "op" (server-side apply)`,
		},
		"an operator": {
			meta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "TenantControlPlane", Name: "t1", Controller: ptr.To(true)}}},
			want: "TenantControlPlane t1 (owner reference)",
		},
		"an owner that does not control": {meta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "Tenant", Name: "t1"}}}},
		"Argo CD by tracking ID": {
			meta: metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:ns/it"}},
			want: "Argo CD application shop",
		},
		"the plain instance label says nothing": {meta: labels("app.kubernetes.io/instance", "shop")},
		"the plain instance label beside an annotation of Argo CD": {
			meta: metav1.ObjectMeta{
				Labels:      map[string]string{"app.kubernetes.io/instance": "shop"},
				Annotations: map[string]string{"argocd.argoproj.io/sync-wave": "1"},
			},
			want: "Argo CD application shop",
		},
		"Flux Kustomization": {meta: labels("kustomize.toolkit.fluxcd.io/name", "k"), want: "Flux Kustomization k"},
		"Flux HelmRelease":   {meta: labels("helm.toolkit.fluxcd.io/name", "h"), want: "Flux HelmRelease h"},
		"Helm's own client":  {meta: labels("app.kubernetes.io/managed-by", "Helm")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			owner, found := actuate.ForeignOwner(&appsv1.Deployment{ObjectMeta: tc.meta}, "main")
			if owner != tc.want || found != (tc.want != "") {
				t.Errorf("owner is %q (found: %t), want %q", owner, found, tc.want)
			}
		})
	}
}

func TestUnmanaged(t *testing.T) {
	tests := map[string]struct {
		d    appsv1.Deployment
		want decision.Reason
	}{
		"an ordinary one": {d: appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(1))}}},
		"scaled to zero":  {d: appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(0))}}, want: decision.ReasonNoReplicas},
		"paused":          {d: appsv1.Deployment{Spec: appsv1.DeploymentSpec{Paused: true}}, want: decision.ReasonPausedByOthers},
		"paused, with a ghost of an intent that was copied back": {
			d: appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{actuate.AnnotationIntent: "{}"}},
				Spec:       appsv1.DeploymentSpec{Paused: true},
			},
			want: decision.ReasonPausedByOthers,
		},
		"under meltdown protection": {
			d:    appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"dependency-watchdog.gardener.cloud/meltdown-protection-active": ""}}},
			want: decision.ReasonPausedByOthers,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			hold, found := actuate.Unmanaged(&tc.d)
			if hold.Reason != tc.want || found != (tc.want != "") {
				t.Errorf("held by %q (found: %t), want %q", hold.Reason, found, tc.want)
			}
		})
	}
}
