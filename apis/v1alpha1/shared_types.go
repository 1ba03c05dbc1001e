package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
)

// Mode says how far Metapilot may go.
// +kubebuilder:validation:Enum=Off;DryRun;Auto
type Mode string

const (
	// ModeOff neither plans nor acts.
	ModeOff Mode = "Off"
	// ModeDryRun plans and records, and changes nothing.
	ModeDryRun Mode = "DryRun"
	// ModeAuto plans, records and acts.
	ModeAuto Mode = "Auto"
)

// Switch turns a behaviour on or off.
// +kubebuilder:validation:Enum=Enabled;Disabled
type Switch string

const (
	// SwitchEnabled turns it on.
	SwitchEnabled Switch = "Enabled"
	// SwitchDisabled turns it off.
	SwitchDisabled Switch = "Disabled"
)

// ResourceAmounts is an amount of CPU and of memory. What is absent is not known, or not set; it is never zero.
type ResourceAmounts struct {
	// cpu in cores, e.g. "250m" or "2".
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// memory in bytes, e.g. "512Mi" or "2Gi".
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// Size is what a component is given: replicas, and the requests and limits of its main container.
type Size struct {
	// replicas is the number of pods of the workload.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// requests of the container; an absent amount is not requested.
	// +optional
	Requests *ResourceAmounts `json:"requests,omitempty"`

	// limits of the container; an absent amount is not limited.
	// +optional
	Limits *ResourceAmounts `json:"limits,omitempty"`
}

// TargetKind is a kind of workload that Metapilot can resize.
// +kubebuilder:validation:Enum=Deployment;StatefulSet
type TargetKind string

const (
	// TargetDeployment is apps/v1 Deployment.
	TargetDeployment TargetKind = "Deployment"
	// TargetStatefulSet is apps/v1 StatefulSet.
	TargetStatefulSet TargetKind = "StatefulSet"
)

// Target points at a component's workload, in the namespace of the object that names it, and at its main container.
type Target struct {
	// kind of the workload: Deployment or StatefulSet (apps/v1).
	// +required
	Kind TargetKind `json:"kind,omitempty"`

	// name of the workload.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`

	// container is the name of the main container in the workload's pod template; it may be an ordinary
	// container or a sidecar (an init container with restartPolicy Always).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Container string `json:"container,omitempty"`
}

// EstimatorType names an estimator.
// +kubebuilder:validation:Enum=OOM;Profile;Utilization
type EstimatorType string

const (
	// EstimatorOOM answers OOM kills.
	EstimatorOOM EstimatorType = "OOM"
	// EstimatorProfile gives what the workload's WorkloadProfile says that it needs.
	EstimatorProfile EstimatorType = "Profile"
	// EstimatorUtilization gives the size of which the use seen would be a target percent.
	EstimatorUtilization EstimatorType = "Utilization"
)

// TriggerType names a trigger.
// +kubebuilder:validation:Enum=OOM;CPU;Memory
type TriggerType string

const (
	// TriggerOOM is a container killed because it outgrew its memory limit.
	TriggerOOM TriggerType = "OOM"
	// TriggerCPU is a high use of CPU.
	TriggerCPU TriggerType = "CPU"
	// TriggerMemory is a high use of memory.
	TriggerMemory TriggerType = "Memory"
)

// OOMKill identifies one OOM kill and says what was seen of it. podUID, container and containerID together are unique.
type OOMKill struct {
	// podUID is the UID of the pod.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	PodUID string `json:"podUID,omitempty"`

	// container is the name of the killed container.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Container string `json:"container,omitempty"`

	// containerID is the ID of the terminated container.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	ContainerID string `json:"containerID,omitempty"`

	// pod is the name of the pod.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pod string `json:"pod,omitempty"`

	// finishedAt is when the kubelet says that the container ended, to the second. Absent where the runtime does not know.
	// +optional
	FinishedAt metav1.Time `json:"finishedAt,omitempty,omitzero"`

	// restartCount is how often the container had been started again before it was killed.
	// +kubebuilder:validation:Minimum=0
	// +optional
	RestartCount *int32 `json:"restartCount,omitempty"`

	// missedRestarts is how many restarts before this kill were never seen.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MissedRestarts *int32 `json:"missedRestarts,omitempty"`

	// class is how the kill was judged: Container (the container outgrew its limit), Node (the node ran out of
	// memory), Replaced (at a size that has been replaced since), NotOOM (the exit code says otherwise), Outlived
	// (so long ago that the component has shown since that it can live with its size).
	// +required
	Class decision.KillClass `json:"class,omitempty"`
}

// EstimateStatus is the answer of one estimator, also one that lost or had nothing to say.
type EstimateStatus struct {
	// estimator that answered.
	// +required
	Estimator EstimatorType `json:"estimator,omitempty"`

	// lower is what the component should not be below.
	// +optional
	Lower *ResourceAmounts `json:"lower,omitempty"`

	// target is what the estimator asks for, as the limit of the container (its request where it has no limit).
	// Absent when the estimator has no data.
	// +optional
	Target *ResourceAmounts `json:"target,omitempty"`

	// upper is what the component should not be above.
	// +optional
	Upper *ResourceAmounts `json:"upper,omitempty"`

	// message says how the answer was reached, or why there is none.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Message string `json:"message,omitempty"`
}
