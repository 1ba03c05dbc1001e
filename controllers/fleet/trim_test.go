package fleet

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// apiServerPod is a pod as an API server with a kubelet gives it.
func apiServerPod(namespace, name string) *corev1.Pod {
	amounts := func() corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("1Gi")}
	}
	resources := func() corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: amounts(), Limits: amounts()}
	}
	started := metav1.NewTime(time.Unix(1_700_000_000, 0))
	var args []string
	for _, flag := range []string{"--advertise-address=$(POD_IP)", "--etcd-servers=https://etcd:2379", "--service-cluster-ip-range=10.96.0.0/12", "--client-ca-file=/pki/ca.crt", "--tls-cert-file=/pki/tls.crt", "--tls-private-key-file=/pki/tls.key"} {
		for range 5 {
			args = append(args, strings.Clone(flag))
		}
	}
	probe := func() *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Scheme: "HTTPS"}}, PeriodSeconds: 10}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: namespace, UID: "5a1b0a2e-0000-4000-8000-000000000001", ResourceVersion: "123456", Generation: 1,
			CreationTimestamp: started,
			Labels:            map[string]string{"app": "kube-apiserver", "tenant": namespace, "pod-template-hash": "6f7d8c9b5d"},
			Annotations:       map[string]string{"checksum/config": strings.Repeat("ab", 32), "prometheus.io/scrape": "true"},
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "kube-apiserver-6f7d8c9b5d", UID: "5a1b0a2e-0000-4000-8000-000000000002", Controller: new(true), BlockOwnerDeletion: new(true)}},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "kube-controller-manager", Operation: "Update", APIVersion: "v1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{` + strings.Repeat(`"f:containers":{},`, 80) + `"f:x":{}}}`)},
				{Manager: "kubelet", Operation: "Update", APIVersion: "v1", Subresource: "status", FieldsV1: metav1.NewFieldsV1(`{"f:status":{` + strings.Repeat(`"f:conditions":{},`, 60) + `"f:x":{}}}`)},
			},
		},
		Spec: corev1.PodSpec{
			NodeName: "node-17", ServiceAccountName: "default", SchedulerName: "default-scheduler", SecurityContext: &corev1.PodSecurityContext{},
			Tolerations: []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute"}, {Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute"}},
			Containers: []corev1.Container{{
				Name: "kube-apiserver", Image: "registry.k8s.io/kube-apiserver:v1.37.0", Command: []string{"kube-apiserver"}, Args: args, Resources: resources(),
				ResizePolicy:  []corev1.ContainerResizePolicy{{ResourceName: "cpu", RestartPolicy: "NotRequired"}, {ResourceName: "memory", RestartPolicy: "NotRequired"}},
				LivenessProbe: probe(), ReadinessProbe: probe(), StartupProbe: probe(),
				Env:          []corev1.EnvVar{{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}},
				VolumeMounts: []corev1.VolumeMount{{Name: "pki", MountPath: "/pki"}, {Name: "token", MountPath: "/var/run/secrets"}},
			}},
			Volumes: []corev1.Volume{
				{Name: "pki", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "pki"}}},
				{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
			},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, QOSClass: corev1.PodQOSGuaranteed, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, HostIP: "10.1.0.1", StartTime: &started,
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "kube-apiserver", Ready: true, Started: new(true), RestartCount: 1, ContainerID: "containerd://" + strings.Repeat("0f", 32),
				Image: "registry.k8s.io/kube-apiserver:v1.37.0", ImageID: "registry.k8s.io/kube-apiserver@sha256:" + strings.Repeat("0f", 32),
				State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", Message: strings.Repeat("log ", 100), ContainerID: "containerd://" + strings.Repeat("0e", 32), StartedAt: started, FinishedAt: started}},
				AllocatedResources:   amounts(), Resources: new(resources()),
			}},
		},
	}
	for _, kind := range []corev1.PodConditionType{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: "True", LastTransitionTime: started})
	}
	return pod
}

func TestTrimPodKeepsWhatIsRead(t *testing.T) {
	pod := apiServerPod("t1", "kube-apiserver-0")
	pod.Spec.InitContainers = []corev1.Container{{Name: "sidecar", RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Image: "x"}}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "sidecar", RestartCount: 3}}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodResizePending, Reason: corev1.PodReasonDeferred, Message: "node is full"})
	got := trimPod(pod.DeepCopy())

	want := pod.DeepCopy()
	want.Annotations, want.ManagedFields = nil, nil
	want.Spec = corev1.PodSpec{
		NodeName:       "node-17",
		InitContainers: []corev1.Container{{Name: "sidecar", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
		Containers:     []corev1.Container{{Name: "kube-apiserver", Resources: pod.Spec.Containers[0].Resources, ResizePolicy: pod.Spec.Containers[0].ResizePolicy}},
	}
	want.Status.PodIP, want.Status.PodIPs, want.Status.HostIP, want.Status.StartTime = "", nil, "", nil
	want.Status.Conditions = []corev1.PodCondition{pod.Status.Conditions[2], pod.Status.Conditions[4], pod.Status.Conditions[5]}
	status := &want.Status.ContainerStatuses[0]
	status.Image, status.ImageID, status.LastTerminationState.Terminated.Message = "", "", ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trimmed pod (-want +got):\n%s", diff)
	}
}

func TestTrimPodSharesEqualAmounts(t *testing.T) {
	pod := trimPod(apiServerPod("t1", "p"))
	same := func(a, b corev1.ResourceList) bool {
		return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
	}
	spec, status := pod.Spec.Containers[0].Resources, pod.Status.ContainerStatuses[0]
	if !same(spec.Requests, spec.Limits) || !same(status.AllocatedResources, status.Resources.Requests) || !same(status.Resources.Requests, status.Resources.Limits) {
		t.Error("equal amounts are kept more than once")
	}

	resized := apiServerPod("t1", "p")
	resized.Spec.Containers[0].Resources.Limits[corev1.ResourceMemory] = resource.MustParse("2Gi")
	pod = trimPod(resized)
	if got := pod.Status.ContainerStatuses[0].Resources.Limits.Memory().String(); got != "1Gi" {
		t.Errorf("actuated memory limit = %s, want 1Gi: a size that differs must not be shared", got)
	}
}

func TestTransformsAreIdempotent(t *testing.T) {
	registry := NewRegistry()
	registry.Manage("managed", "1")
	transform := perTenant(registry, trimPod, func(p *corev1.Pod) *corev1.Pod { return &corev1.Pod{ObjectMeta: stub(p.ObjectMeta)} })
	for name, tc := range map[string]struct {
		pod      *corev1.Pod
		manage   string // between the two
		wantStub bool
	}{
		"a tenant's pod stays whole":                          {pod: apiServerPod("managed", "p")},
		"any other becomes a stub":                            {pod: apiServerPod("other", "p"), wantStub: true},
		"a stub stays one when its namespace becomes managed": {pod: apiServerPod("late", "p"), manage: "late", wantStub: true},
	} {
		t.Run(name, func(t *testing.T) {
			once, err := transform(tc.pod)
			if err != nil {
				t.Fatal(err)
			}
			if tc.manage != "" {
				registry.Manage(tc.manage, "2")
			}
			twice, err := transform(once.(*corev1.Pod).DeepCopy())
			if err != nil {
				t.Fatal(err)
			}
			if got := IsStub(twice.(*corev1.Pod)); got != tc.wantStub {
				t.Errorf("IsStub = %v, want %v", got, tc.wantStub)
			}
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("the second pass changed it (-once +twice):\n%s", diff)
			}
		})
	}
}

func TestTransformsPassWhatIsNoObject(t *testing.T) {
	mark := toolscache.DeletedFinalStateUnknown{Key: "a/b"}
	got, err := perTenant(NewRegistry(), trimPod, trimPod)(mark)
	if err != nil || got != any(mark) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTrimDeploymentKeepsOwnersOfTheSizeAndMarks(t *testing.T) {
	ours := metav1.ManagedFieldsEntry{Manager: "helm", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{"f:resources":{}}}}}}}`)}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{…}", "argocd.argoproj.io/tracking-id": "x"},
		ManagedFields: []metav1.ManagedFieldsEntry{
			ours,
			{Manager: "labeller", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{}}}`)},
			{Manager: "kube-controller-manager", Subresource: "status", FieldsV1: metav1.NewFieldsV1(`{"f:status":{"f:replicas":{}}}`)},
		},
	}}
	before := d.DeepCopy()
	got := trimDeployment(d)
	want := metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "x"}, ManagedFields: []metav1.ManagedFieldsEntry{ours}}
	if diff := cmp.Diff(want, got.ObjectMeta); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Annotations, d.Annotations); diff != "" {
		t.Errorf("the informer's object was changed:\n%s", diff)
	}
}

func TestWorkLeftHalfDoneIsNotCutDown(t *testing.T) {
	transform := Options(NewRegistry()).ByObject
	for kind, by := range transform {
		d, ok := kind.(*appsv1.Deployment)
		if !ok {
			continue
		}
		d.Namespace, d.CreationTimestamp, d.Annotations = "released", metav1.Now(), map[string]string{"metapilot.dev/intent": "{}"}
		got, err := by.Transform(d)
		if err != nil || IsStub(got.(*appsv1.Deployment)) {
			t.Errorf("a Deployment with a mark of Metapilot's was cut down (error %v)", err)
		}
	}
}

func TestTrimNodeKeepsConditions(t *testing.T) {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"a": "b"}},
		Spec:       corev1.NodeSpec{Unschedulable: true, PodCIDR: "10.0.0.0/24"},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Gi")},
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeDiskPressure}, {Type: corev1.NodeReady, Status: "True", LastHeartbeatTime: metav1.Now()}},
			Images:      []corev1.ContainerImage{{Names: []string{"x"}}},
		},
	}
	want := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n"},
		Spec:       corev1.NodeSpec{Unschedulable: true},
		Status: corev1.NodeStatus{
			Allocatable: n.Status.Allocatable,
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: "True"}},
		},
	}
	if diff := cmp.Diff(want, trimNode(n)); diff != "" {
		t.Errorf("trimmed node (-want +got):\n%s", diff)
	}
}
