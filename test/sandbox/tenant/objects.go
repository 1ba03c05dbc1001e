package tenant

import (
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Labels of a tenant's namespace, and of everything in it.
const (
	NameLabel   = "metapilot.dev/tenant" // the tenant's name
	LayoutLabel = "metapilot.dev/layout"
	TierLabel   = "metapilot.dev/tier"
	RegionLabel = "metapilot.dev/region"
	UserLabel   = "metapilot.dev/user"

	ComponentLabel = "app.kubernetes.io/name"
	PartOfLabel    = "app.kubernetes.io/part-of"
	PartOf         = "hosted-control-plane"
)

const (
	bootstrapInit = "bootstrap"
	backupSidecar = "backup"

	registry = "registry.example.com/hosted"
	version  = "v1.37.2"

	apiServerPort, controllerManagerPort, schedulerPort = 6443, 10257, 10259
	etcdClientPort, etcdPeerPort, konnectivityPort      = 2379, 2380, 8132
)

// Set is everything of one tenant.
type Set struct {
	Namespace    *corev1.Namespace
	Accounts     []*corev1.ServiceAccount
	Services     []*corev1.Service
	Deployments  []*appsv1.Deployment
	StatefulSets []*appsv1.StatefulSet
	Budgets      []*policyv1.PodDisruptionBudget
}

// Objects returns the objects of the tenant of that name: its namespace has the same name and carries the labels.
func Objects(name string, layout Layout, labels map[string]string) Set {
	t := maker{namespace: name, layout: layout}
	namespaceLabels := map[string]string{NameLabel: name, LayoutLabel: layout.Name, PartOfLabel: PartOf}
	maps.Copy(namespaceLabels, labels)
	return Set{
		Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: namespaceLabels}},
		Accounts:  []*corev1.ServiceAccount{{ObjectMeta: t.meta("control-plane")}},
		Services: []*corev1.Service{
			t.service(APIServer, APIServer, corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "https", Port: apiServerPort}}}),
			t.service(Etcd, Etcd, corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true,
				Ports: []corev1.ServicePort{{Name: "client", Port: etcdClientPort}, {Name: "peer", Port: etcdPeerPort}},
			}),
		},
		Deployments:  []*appsv1.Deployment{t.apiServer(), t.controllerManager(), t.scheduler()},
		StatefulSets: []*appsv1.StatefulSet{t.etcd()},
		Budgets:      []*policyv1.PodDisruptionBudget{t.budget(APIServer), t.budget(Etcd)},
	}
}

// maker makes the objects of one tenant.
type maker struct {
	namespace string
	layout    Layout
}

func (t maker) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: t.namespace, Labels: t.labels(name)}
}

func (t maker) labels(component string) map[string]string {
	return map[string]string{ComponentLabel: component, PartOfLabel: PartOf, NameLabel: t.namespace}
}

func selector(component string) map[string]string {
	return map[string]string{ComponentLabel: component}
}

func (t maker) service(name, component string, spec corev1.ServiceSpec) *corev1.Service {
	spec.Selector = selector(component)
	return &corev1.Service{ObjectMeta: t.meta(name), Spec: spec}
}

func (t maker) budget(component string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: t.meta(component),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: ptr.To(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: selector(component)},
		},
	}
}

func (t maker) deployment(component string, replicas int32, pod corev1.PodSpec) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: t.meta(component),
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selector(component)},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
			}},
			RevisionHistoryLimit: ptr.To[int32](3),
			Template:             corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: t.labels(component)}, Spec: t.pod(component, pod)},
		},
	}
}

// pod adds what all pods of a control plane have.
func (t maker) pod(component string, spec corev1.PodSpec) corev1.PodSpec {
	spec.ServiceAccountName = "control-plane"
	spec.AutomountServiceAccountToken = ptr.To(false)
	spec.EnableServiceLinks = ptr.To(false)
	spec.TerminationGracePeriodSeconds = ptr.To[int64](30)
	spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: selector(component)},
	}}
	return spec
}

func (t maker) container(name string, port int32, command ...string) corev1.Container {
	c := corev1.Container{
		Name: name, Image: registry + "/" + name + ":" + version, Command: command,
		Resources: t.layout.Sizes[name].requirements(),
	}
	if port > 0 {
		c.Ports = []corev1.ContainerPort{{Name: name[:min(len(name), 15)], ContainerPort: port}}
	}
	return c
}

func (t maker) apiServer() *appsv1.Deployment {
	seats := t.layout.seats()
	main := t.container(APIServer, apiServerPort, APIServer,
		"--etcd-servers="+t.members("https://etcd-%[1]d.etcd:2379"),
		"--secure-port=6443", "--authorization-mode=Node,RBAC", "--service-cluster-ip-range=10.96.0.0/16",
		fmt.Sprintf("--max-requests-inflight=%d", seats.Read), fmt.Sprintf("--max-mutating-requests-inflight=%d", seats.Write),
		"--client-ca-file=/etc/kubernetes/pki/ca.crt", "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt", "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
	)
	main.ReadinessProbe = httpsProbe("/readyz", apiServerPort)
	main.LivenessProbe = httpsProbe("/livez", apiServerPort)
	spec := corev1.PodSpec{Containers: []corev1.Container{main}}
	if t.layout.Sidecar {
		spec.Containers = append(spec.Containers, t.container(Konnectivity, konnectivityPort,
			"/proxy-server", "--mode=grpc", "--agent-port=8132", "--uds-name=/run/konnectivity/konnectivity.sock"))
	}
	return t.deployment(APIServer, t.layout.replicas(2), spec)
}

func (t maker) controllerManager() *appsv1.Deployment {
	main := t.container(ControllerManager, controllerManagerPort, ControllerManager,
		"--kubeconfig=/etc/kubernetes/controller-manager.conf", "--leader-elect=true", "--use-service-account-credentials=true",
		"--cluster-cidr=10.244.0.0/16", "--controllers=*,bootstrapsigner,tokencleaner")
	main.LivenessProbe = httpsProbe("/healthz", controllerManagerPort)
	return t.deployment(ControllerManager, 1, corev1.PodSpec{Containers: []corev1.Container{main}})
}

func (t maker) scheduler() *appsv1.Deployment {
	main := t.container(Scheduler, schedulerPort, Scheduler,
		"--kubeconfig=/etc/kubernetes/scheduler.conf", "--leader-elect=true")
	main.LivenessProbe = httpsProbe("/healthz", schedulerPort)
	return t.deployment(Scheduler, 1, corev1.PodSpec{Containers: []corev1.Container{main}})
}

func (t maker) etcd() *appsv1.StatefulSet {
	main := t.container(Etcd, etcdClientPort, Etcd,
		"--name=$(POD_NAME)", "--data-dir=/var/lib/etcd", "--listen-client-urls=https://0.0.0.0:2379", "--listen-peer-urls=https://0.0.0.0:2380",
		"--initial-cluster="+t.members("etcd-%[1]d=https://etcd-%[1]d.etcd:2380"),
		"--quota-backend-bytes=8589934592", "--auto-compaction-retention=5m")
	main.Env = []corev1.EnvVar{{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}
	main.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/var/lib/etcd"}}
	spec := corev1.PodSpec{
		Containers: []corev1.Container{main},
		Volumes:    []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}
	if t.layout.InitContainers {
		backup := t.container(backupSidecar, 0, "etcd-backup", "--interval=30m")
		backup.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
		spec.InitContainers = []corev1.Container{t.container(bootstrapInit, 0, "etcd-bootstrap", "--restore-if-empty"), backup}
	}
	return &appsv1.StatefulSet{
		ObjectMeta: t.meta(Etcd),
		Spec: appsv1.StatefulSetSpec{
			Replicas: ptr.To(t.layout.replicas(3)), ServiceName: Etcd, PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector:             &metav1.LabelSelector{MatchLabels: selector(Etcd)},
			RevisionHistoryLimit: ptr.To[int32](3),
			Template:             corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: t.labels(Etcd)}, Spec: t.pod(Etcd, spec)},
		},
	}
}

// members writes something for each member of etcd, separated by commas.
func (t maker) members(format string) string {
	var parts []string
	for i := range t.layout.replicas(3) {
		parts = append(parts, fmt.Sprintf(format, i))
	}
	return strings.Join(parts, ",")
}

func httpsProbe(path string, port int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port), Scheme: corev1.URISchemeHTTPS}},
		PeriodSeconds: 10, TimeoutSeconds: 15, FailureThreshold: 8,
	}
}

// requirements turns a size into what a container says.
func (s Size) requirements() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: resourceList(s.CPURequest, s.MemoryRequest),
		Limits:   resourceList(s.CPULimit, s.MemoryLimit),
	}
}

func resourceList(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	if cpu != "" {
		list[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}
