package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Labels of a WorkloadProfile, besides LabelComponent.
const (
	// LabelManagedBy is the well-known label of what makes an object; its value is ManagedBy for profiles that Metapilot
	// made, and which it removes when their workload has been gone for long.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "metapilot"
)

// WorkloadProfile is what a workload's containers have used over time, and what they need. One is made for every
// Deployment and StatefulSet of a managed tenant. It outlives its workload for a while, so that a workload that is made
// anew keeps its history.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wprof,categories=metapilot
// +kubebuilder:printcolumn:name="Component",type=string,JSONPath=`.metadata.labels.metapilot\.dev/component`
// +kubebuilder:printcolumn:name="Container",type=string,JSONPath=`.status.containers[0].name`
// +kubebuilder:printcolumn:name="Algorithm",type=string,JSONPath=`.status.containers[0].algorithm`
// +kubebuilder:printcolumn:name="CPU",type=string,JSONPath=`.status.containers[0].target.cpu`
// +kubebuilder:printcolumn:name="Memory",type=string,JSONPath=`.status.containers[0].target.memory`
// +kubebuilder:printcolumn:name="Peak",type=string,JSONPath=`.status.containers[0].peak.memory`
// +kubebuilder:printcolumn:name="Confidence",type=integer,JSONPath=`.status.containers[0].confidencePercent`
// +kubebuilder:printcolumn:name="Fresh",type=string,JSONPath=`.status.conditions[?(@.type=="SignalsFresh")].status`
// +kubebuilder:printcolumn:name="Kind",type=string,priority=1,JSONPath=`.spec.target.kind`
// +kubebuilder:printcolumn:name="Samples",type=integer,priority=1,JSONPath=`.status.containers[0].samples`
// +kubebuilder:printcolumn:name="History",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="HistoryRead")].reason`
// +kubebuilder:printcolumn:name="Last",type=date,priority=1,JSONPath=`.status.containers[0].lastSampleTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type WorkloadProfile struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is whose profile it is and how it is made.
	// +required
	Spec WorkloadProfileSpec `json:"spec,omitzero"`

	// status is what was measured and what follows from it.
	// +optional
	Status WorkloadProfileStatus `json:"status,omitempty,omitzero"`
}

// WorkloadProfileList is a list of WorkloadProfiles.
// +kubebuilder:object:root=true
type WorkloadProfileList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the WorkloadProfiles.
	Items []WorkloadProfile `json:"items"`
}

// WorkloadProfileSpec is whose profile it is and how it is made.
type WorkloadProfileSpec struct {
	// target is the workload, in the same namespace. Metapilot points it elsewhere when a component is moved to another
	// workload.
	// +required
	Target WorkloadTarget `json:"target,omitzero"`

	// algorithm turns what was measured into sizes. Absent: the one that the configuration sets for the component.
	// +optional
	Algorithm *Algorithm `json:"algorithm,omitempty"`
}

// WorkloadTarget points at a workload: a Deployment or a StatefulSet, or any object that owns pods, Deployments or
// StatefulSets as their controller. The pods of all that it owns are profiled as one.
type WorkloadTarget struct {
	// apiVersion of the kind. Default apps/v1.
	// +kubebuilder:default="apps/v1"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// kind of the workload, such as Deployment or StatefulSet.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind,omitempty"`

	// name of the workload.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}

// TargetOf gives the target that a kind of apps/v1 and a name make.
func TargetOf(kind TargetKind, name string) WorkloadTarget {
	return WorkloadTarget{APIVersion: "apps/v1", Kind: string(kind), Name: name}
}

// ControllerOf gives what owns an object as its controller; false where nothing does.
func ControllerOf(o metav1.Object) (WorkloadTarget, bool) {
	ref := metav1.GetControllerOf(o)
	if ref == nil {
		return WorkloadTarget{}, false
	}
	return WorkloadTarget{APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name}, true
}

// Conditions of a WorkloadProfile, besides ConditionSignalsFresh.
const (
	// ConditionTargetFound is True when the workload exists.
	ConditionTargetFound = "TargetFound"
	// ConditionHistoryRead is True when what the workload had used before it was measured was read from the source. It is
	// written with the checkpoints, so it is not up to the minute.
	ConditionHistoryRead = "HistoryRead"
)

// WorkloadProfileStatus is what was measured and what follows from it.
type WorkloadProfileStatus struct {
	// observedGeneration is the generation of the spec that the status goes by.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are TargetFound, SignalsFresh and HistoryRead.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// containers are the profiles of the workload's containers, the component's main container first. It is written when
	// an amount has moved by more than the configuration's tolerance.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Containers []ContainerProfile `json:"containers,omitempty"`

	// checkpoint is all that is known, for the next start of Metapilot. It is written seldom.
	// +optional
	Checkpoint *ProfileCheckpoint `json:"checkpoint,omitempty"`
}

// ContainerProfile is what one container has used and needs; amounts are for one replica. What is not known is absent.
type ContainerProfile struct {
	// name of the container.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`

	// algorithm by which the sizes were found.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Algorithm string `json:"algorithm,omitempty"`

	// lower is the least: with less it would be in trouble.
	// +optional
	Lower *ResourceAmounts `json:"lower,omitempty"`

	// target is what it needs.
	// +optional
	Target *ResourceAmounts `json:"target,omitempty"`

	// upper is the most: more would be wasted.
	// +optional
	Upper *ResourceAmounts `json:"upper,omitempty"`

	// uncapped is the target without the bounds of the component.
	// +optional
	Uncapped *ResourceAmounts `json:"uncapped,omitempty"`

	// peak is the highest usage of any replica in the four weeks that are kept.
	// +optional
	Peak *ResourceAmounts `json:"peak,omitempty"`

	// startUpPeak is the highest usage in the first minutes after a start.
	// +optional
	StartUpPeak *ResourceAmounts `json:"startUpPeak,omitempty"`

	// oomMemory is the most memory that it held when it was OOM-killed in the latest two weeks.
	// +optional
	OOMMemory *resource.Quantity `json:"oomMemory,omitempty"`

	// hotReplica is the pod that uses markedly more than its siblings.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	HotReplica string `json:"hotReplica,omitempty"`

	// samples is how many measured values the profile is made of.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Samples *int64 `json:"samples,omitempty"`

	// rejectedSamples is how many values were refused, since they could be no usage.
	// +kubebuilder:validation:Minimum=0
	// +optional
	RejectedSamples *int64 `json:"rejectedSamples,omitempty"`

	// firstSampleTime is the time of the earliest measurement.
	// +optional
	FirstSampleTime *metav1.Time `json:"firstSampleTime,omitempty"`

	// lastSampleTime is the time of the latest measurement when the status was written. It is not kept up to date by itself.
	// +optional
	LastSampleTime *metav1.Time `json:"lastSampleTime,omitempty"`

	// confidencePercent is the share of the hours of a week that are known.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	ConfidencePercent *int32 `json:"confidencePercent,omitempty"`

	// shape is what usage looks like, as a hint: Unknown, Idle, Growing, Daily, Weekly, Spiky or Steady.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Shape string `json:"shape,omitempty"`

	// reasons are the steps from what was measured to the target, in order.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Reasons []ProfileReason `json:"reasons,omitempty"`
}

// ProfileReason is one step from what was measured to a size.
type ProfileReason struct {
	// code is the step in one word.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Code string `json:"code,omitempty"`

	// message says it in a sentence.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Message string `json:"message,omitempty"`
}

// ProfileCheckpoint is the state of a profile's containers, for the next start.
type ProfileCheckpoint struct {
	// time at which it was made.
	// +required
	Time metav1.Time `json:"time,omitempty,omitzero"`

	// containers are the states.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Containers []ContainerCheckpoint `json:"containers,omitempty"`
}

// ContainerCheckpoint is the state of one container's profile.
type ContainerCheckpoint struct {
	// name of the container.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`

	// data is the state in a versioned binary form that only Metapilot reads.
	// +kubebuilder:validation:MaxLength=16384
	// +required
	Data []byte `json:"data,omitempty"`

	// vpa is the state of the algorithm VPA, where that is chosen.
	// +kubebuilder:validation:MaxLength=65536
	// +optional
	VPA []byte `json:"vpa,omitempty"`
}
