package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
)

// ClusterScaler keeps the components of one tenant's control plane the right size. There is one per namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cscaler,categories=metapilot
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.summary.verdict`
// +kubebuilder:printcolumn:name="Component",type=string,JSONPath=`.status.summary.component`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.summary.reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.summary.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterScaler struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +required
	Spec ClusterScalerSpec `json:"spec,omitzero"`

	// status is what was seen and decided.
	// +optional
	Status ClusterScalerStatus `json:"status,omitempty,omitzero"`
}

// ClusterScalerList is a list of ClusterScalers.
// +kubebuilder:object:root=true
type ClusterScalerList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the ClusterScalers.
	Items []ClusterScaler `json:"items"`
}

// ClusterScalerSpec says which components are kept the right size, and how.
type ClusterScalerSpec struct {
	// mode says how far Metapilot may go: "Off" (in YAML with the quotes, or it is read as false) neither plans nor
	// acts; DryRun plans and records but changes nothing; Auto also acts. Default DryRun.
	// +kubebuilder:default=DryRun
	// +optional
	Mode Mode `json:"mode,omitempty"`

	// pause holds changes until a time; then it has no effect any more.
	// +optional
	Pause *Pause `json:"pause,omitempty"`

	// components are the workloads of the control plane, each with its bounds, triggers and estimators.
	// No two may name the same container of the same workload.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.filter(b, b.target.kind == a.target.kind && b.target.name == a.target.name && b.target.container == a.target.container).size() == 1)",message="two components name the same container of the same workload: keep one of them"
	// +required
	Components []Component `json:"components,omitempty"`
}

// Component is one control-plane workload of the tenant.
type Component struct {
	// name of the component, e.g. kube-apiserver. It is what status, records, events and metrics call it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be lower-case letters, digits and '-', e.g. kube-apiserver"
	// +required
	Name string `json:"name,omitempty"`

	// target is the component's workload, in the namespace of the ClusterScaler, and its main container.
	// +required
	Target Target `json:"target,omitzero"`

	// bounds keep every size between a minimum and a maximum.
	// +optional
	Bounds *Bounds `json:"bounds,omitempty"`

	// scaleUp says what may make the component larger. When absent: enabled, by OOM kills.
	// +optional
	ScaleUp *ScaleUp `json:"scaleUp,omitempty"`

	// scaleDown says when the component may be made smaller. When absent it never is.
	// +optional
	ScaleDown *ScaleDown `json:"scaleDown,omitempty"`

	// estimators say how large. The largest answer of the highest priority is taken, resource by resource. When absent: OOM;
	// with scaleDown also Profile; with a trigger CPU or Memory also Utilization; each with its defaults.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Estimators []Estimator `json:"estimators,omitempty"`

	// actuation says how a size is carried out. When absent: InPlace with its defaults.
	// +optional
	Actuation *Actuation `json:"actuation,omitempty"`
}

// Bounds keep a component's size between two sizes. They apply to the limit of the main container, or to its request
// where it has no limit; the other of the two follows in proportion, so that the QoS class stays what it is.
// +kubebuilder:validation:AtLeastOneOf=min;max
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || !has(self.min.memory) || !has(self.max.memory) || quantity(string(self.min.memory)).compareTo(quantity(string(self.max.memory))) <= 0",message="min.memory is larger than max.memory: set min.memory to at most max.memory"
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || !has(self.min.cpu) || !has(self.max.cpu) || quantity(string(self.min.cpu)).compareTo(quantity(string(self.max.cpu))) <= 0",message="min.cpu is larger than max.cpu: set min.cpu to at most max.cpu"
type Bounds struct {
	// min is what the component is never set below.
	// +optional
	Min *BoundAmounts `json:"min,omitempty"`

	// max is what the component is never set above. Without it only the nodes limit the size.
	// +optional
	Max *BoundAmounts `json:"max,omitempty"`
}

// BoundAmounts is one end of the bounds.
// +kubebuilder:validation:AtLeastOneOf=cpu;memory
// +kubebuilder:validation:XValidation:rule="!has(self.memory) || quantity(string(self.memory)).compareTo(quantity('4Mi')) >= 0",message="memory must be at least 4Mi: write bytes with a unit, e.g. 512Mi or 2Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || quantity(string(self.cpu)).compareTo(quantity('1m')) >= 0",message="cpu must be at least 1m: write cores, e.g. 250m or 2"
type BoundAmounts struct {
	// cpu in cores, e.g. "250m" or "2"; at least 1m.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// memory in bytes, e.g. "512Mi" or "2Gi"; at least 4Mi, the least that a container runtime starts with.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// ScaleUp says what may make a component larger.
// +kubebuilder:validation:MinProperties=1
type ScaleUp struct {
	// state turns growth on or off. Default Enabled.
	// +kubebuilder:default=Enabled
	// +optional
	State Switch `json:"state,omitempty"`

	// triggers that may make the component larger; any one suffices. When absent: OOM with its defaults.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Triggers []Trigger `json:"triggers,omitempty"`

	// cooldownSeconds is how long after a change growth waits that is not urgent. Default 60.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	CooldownSeconds *int32 `json:"cooldownSeconds,omitempty"`

	// maxStepPercent is the most by which growth that is not urgent raises a resource at a time. Default 100.
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=900
	// +optional
	MaxStepPercent *int32 `json:"maxStepPercent,omitempty"`

	// maxIncreasesPerDay is how many times memory may be raised within 24 hours; then a leak is suspected, growth
	// stops and a person is told. Default 6: enough for a 13-fold jump three times over.
	// +kubebuilder:default=6
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	MaxIncreasesPerDay *int32 `json:"maxIncreasesPerDay,omitempty"`
}

// Trigger is one thing that may make a component larger: a type, and the member of that name with its settings.
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'OOM' || !has(self.oom)",message="oom is only allowed when type is OOM: remove it, or set type: OOM"
// +kubebuilder:validation:XValidation:rule="self.type == 'CPU' || !has(self.cpu)",message="cpu is only allowed when type is CPU: remove it, or set type: CPU"
// +kubebuilder:validation:XValidation:rule="self.type == 'Memory' || !has(self.memory)",message="memory is only allowed when type is Memory: remove it, or set type: Memory"
type Trigger struct {
	// type of the trigger.
	// +unionDiscriminator
	// +required
	Type TriggerType `json:"type,omitempty"`

	// oom are the settings of type OOM; when absent, their defaults.
	// +optional
	OOM *OOMTrigger `json:"oom,omitempty"`

	// cpu are the settings of type CPU; when absent, their defaults.
	// +optional
	CPU *HighUse `json:"cpu,omitempty"`

	// memory are the settings of type Memory; when absent, their defaults.
	// +optional
	Memory *HighUse `json:"memory,omitempty"`
}

// OOMTrigger tells a container's OOM kill from the node's.
// +kubebuilder:validation:MinProperties=1
type OOMTrigger struct {
	// nodeKillBelowPercent is a share of the container's limit. A kill while its last usage, measured within two minutes
	// before the kill, was below it, on a node that reports MemoryPressure, is taken as the node running out of memory and
	// does not raise the limit.
	// A kill that repeats within the estimator's repeatWindowSeconds is always taken as the container's own, and so is
	// one without a measured usage. 0 turns the judgement off. Default 40.
	// +kubebuilder:default=40
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=90
	// +optional
	NodeKillBelowPercent *int32 `json:"nodeKillBelowPercent,omitempty"`
}

// Estimator says how large a component should be: a type, and the member of that name with its settings.
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'OOM' || !has(self.oom)",message="oom is only allowed when type is OOM: remove it, or set type: OOM"
// +kubebuilder:validation:XValidation:rule="self.type == 'Profile' || !has(self.profile)",message="profile is only allowed when type is Profile: remove it, or set type: Profile"
// +kubebuilder:validation:XValidation:rule="self.type == 'Utilization' || !has(self.utilization)",message="utilization is only allowed when type is Utilization: remove it, or set type: Utilization"
type Estimator struct {
	// type of the estimator.
	// +unionDiscriminator
	// +required
	Type EstimatorType `json:"type,omitempty"`

	// oom are the settings of type OOM; when absent, their defaults.
	// +optional
	OOM *OOMEstimator `json:"oom,omitempty"`

	// profile are the settings of type Profile; when absent, their defaults.
	// +optional
	Profile *ProfileEstimator `json:"profile,omitempty"`

	// utilization are the settings of type Utilization; when absent, their defaults.
	// +optional
	Utilization *UtilizationEstimator `json:"utilization,omitempty"`

	// priority among the estimators: the answer of a higher one overrides those below, resource by resource, where it has
	// data. Within a priority the largest is taken. A floor that an estimator sets holds whatever its priority. Default 0.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	Priority *int32 `json:"priority,omitempty"`
}

// OOMEstimator answers an OOM kill with one big step: max(limit in force, request, peak seen) grown by bumpPercent,
// which doubles with every repeat and every missed restart up to maxBumpPercent. What it set is a floor that decays.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.bumpPercent) || !has(self.maxBumpPercent) || self.bumpPercent <= self.maxBumpPercent",message="bumpPercent is larger than maxBumpPercent: lower bumpPercent or raise maxBumpPercent"
type OOMEstimator struct {
	// bumpPercent is by how much the first kill raises memory. Default 50.
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=400
	// +optional
	BumpPercent *int32 `json:"bumpPercent,omitempty"`

	// maxBumpPercent is the most by which one answer raises memory. Default 400.
	// +kubebuilder:default=400
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=900
	// +optional
	MaxBumpPercent *int32 `json:"maxBumpPercent,omitempty"`

	// minBump is the least by which one answer raises memory; at least 1Mi. Default 32Mi.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="minBump must be at least 1Mi: write bytes with a unit, e.g. 32Mi"
	// +optional
	MinBump *resource.Quantity `json:"minBump,omitempty"`

	// repeatWindowSeconds is the time after an answered kill within which another is a repeat and doubles the bump.
	// Default 3600.
	// +kubebuilder:default=3600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=604800
	// +optional
	RepeatWindowSeconds *int32 `json:"repeatWindowSeconds,omitempty"`

	// floorHalfLifeSeconds is the time after which the floor that an answer left has decayed half way back to the size
	// at which the kill happened. Default 604800 (7 days).
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=31536000
	// +optional
	FloorHalfLifeSeconds *int32 `json:"floorHalfLifeSeconds,omitempty"`
}

// ActuationType names a way to carry a size out.
// +kubebuilder:validation:Enum=InPlace
type ActuationType string

const (
	// ActuationInPlace resizes the running pods, then brings the workload's template in line without a restart.
	ActuationInPlace ActuationType = "InPlace"
)

// Actuation says how a size is carried out: a type, and the member of that name with its settings.
// +union
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="self.type == 'InPlace' || !has(self.inPlace)",message="inPlace is only allowed when type is InPlace: remove it, or set type: InPlace"
type Actuation struct {
	// type of the actuation. Default InPlace.
	// +unionDiscriminator
	// +kubebuilder:default=InPlace
	// +optional
	Type ActuationType `json:"type,omitempty"`

	// inPlace are the settings of type InPlace; when absent, their defaults.
	// +optional
	InPlace *InPlaceActuation `json:"inPlace,omitempty"`
}

// TemplatePolicy says what is done with the workload's pod template after its pods were resized.
// +kubebuilder:validation:Enum=Converge;Leave
type TemplatePolicy string

const (
	// TemplateConverge brings the template in line, without restarting a pod.
	TemplateConverge TemplatePolicy = "Converge"
	// TemplateLeave leaves the template to its owner; pods that are born with the old size are resized again.
	TemplateLeave TemplatePolicy = "Leave"
)

// ForeignOwnerPolicy says what is done when another field manager, operator or Git tool owns the workload's size.
// +kubebuilder:validation:Enum=Hold;TakeOver
type ForeignOwnerPolicy string

const (
	// ForeignOwnerHold never writes the template; an emergency still resizes the running pods.
	ForeignOwnerHold ForeignOwnerPolicy = "Hold"
	// ForeignOwnerTakeOver writes it all the same; three reverts stop it.
	ForeignOwnerTakeOver ForeignOwnerPolicy = "TakeOver"
)

// InPlaceActuation resizes the running pods through their resize subresource.
// +kubebuilder:validation:MinProperties=1
type InPlaceActuation struct {
	// template says what is done with the workload's pod template: Converge brings it in line without a restart, so
	// that later pods are born at the new size; Leave does not touch it. Default Converge.
	// +kubebuilder:default=Converge
	// +optional
	Template TemplatePolicy `json:"template,omitempty"`

	// fallbackAfterSeconds is how long a resize may be Deferred; then, or at once when it is Infeasible, it is carried
	// out by a rolling update instead. Ignored when template is Leave. Default 60.
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	FallbackAfterSeconds *int32 `json:"fallbackAfterSeconds,omitempty"`

	// watchSeconds is how long the component is watched after a change; another kill in that time is written into the
	// record as its outcome. Default 600.
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	// +optional
	WatchSeconds *int32 `json:"watchSeconds,omitempty"`

	// onForeignOwner says what is done when somebody else owns the workload's size (server-side apply, an operator's
	// owner reference, or the marks of Argo CD or Flux): Hold does not write the template and sets the condition
	// Conflicted; an emergency still resizes the running pods. TakeOver writes it all the same. Default Hold.
	// +kubebuilder:default=Hold
	// +optional
	OnForeignOwner ForeignOwnerPolicy `json:"onForeignOwner,omitempty"`
}

// Conditions of a ClusterScaler.
const (
	// ConditionReady is True when every component's target was found and can be resized as the spec asks.
	ConditionReady = "Ready"
	// ConditionSignalsFresh is True when every signal that the spec's triggers need was read.
	ConditionSignalsFresh = "SignalsFresh"
	// ConditionPaused is True while spec.pause holds changes.
	ConditionPaused = "Paused"
	// ConditionConflicted is True when another writer owns or keeps reverting a component's size.
	ConditionConflicted = "Conflicted"
	// ConditionAtMaximum is True when a component is in trouble and may not grow further.
	ConditionAtMaximum = "AtMaximum"
)

// ClusterScalerStatus is what was seen and decided.
type ClusterScalerStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// summary is the component that most wants attention.
	// +optional
	Summary *Summary `json:"summary,omitempty"`

	// conditions are Ready, SignalsFresh, Paused, Conflicted and AtMaximum.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// components are those of the spec, each with what was seen, wanted and decided.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Components []ComponentStatus `json:"components,omitempty"`
}

// Summary is the component that most wants attention: in trouble, held, changed last.
type Summary struct {
	// component that most wants attention.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Component string `json:"component,omitempty"`

	// verdict of its last plan.
	// +required
	Verdict decision.Verdict `json:"verdict,omitempty"`

	// reason of that verdict.
	// +required
	Reason decision.Reason `json:"reason,omitempty"`

	// message says it in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// ComponentStatus is what was seen, wanted and decided for one component.
type ComponentStatus struct {
	// name of the component.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Name string `json:"name,omitempty"`

	// current is the size that the workload's template gives its pods.
	// +optional
	Current *Size `json:"current,omitempty"`

	// desired is the size that the last change asked for; pods that are born smaller are resized to it.
	// Absent until Metapilot has changed the component, and after another writer has changed the template since.
	// +optional
	Desired *Size `json:"desired,omitempty"`

	// verdict of the last plan.
	// +optional
	Verdict decision.Verdict `json:"verdict,omitempty"`

	// gate that holds a wanted change; absent when none does.
	// +optional
	Gate decision.Gate `json:"gate,omitempty"`

	// reason of the verdict.
	// +optional
	Reason decision.Reason `json:"reason,omitempty"`

	// message says it in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// lastScaleUpTime is when the component was last made larger.
	// +optional
	LastScaleUpTime *metav1.MicroTime `json:"lastScaleUpTime,omitempty"`

	// lastScaleDownTime is when the component was last made smaller.
	// +optional
	LastScaleDownTime *metav1.MicroTime `json:"lastScaleDownTime,omitempty"`

	// scaleDownAllowedTime is before when nothing that is known now lets the component be made smaller; absent when nothing
	// known stands in the way.
	// +optional
	ScaleDownAllowedTime *metav1.Time `json:"scaleDownAllowedTime,omitempty"`

	// lastTroubleTime is when the component was last killed, in need while a scale-down was watched, or at its maximum.
	// +optional
	LastTroubleTime *metav1.Time `json:"lastTroubleTime,omitempty"`

	// undoneCount is how often in a row a scale-down was taken back. Each doubles the cooldown of scale-downs; one that lasts
	// sets it to 0.
	// +kubebuilder:validation:Minimum=0
	// +optional
	UndoneCount *int32 `json:"undoneCount,omitempty"`

	// use is since when the component has used little, resource by resource.
	// +listType=map
	// +listMapKey=resource
	// +kubebuilder:validation:MaxItems=2
	// +optional
	Use []UseStatus `json:"use,omitempty"`

	// lastRecord is the name of the newest ScalingRecord of the component.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	LastRecord string `json:"lastRecord,omitempty"`

	// openRecord is the name of the ScalingRecord that is being carried out or watched; absent when none is.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	OpenRecord string `json:"openRecord,omitempty"`

	// increaseTimes are the times within the last 24 hours at which memory was raised, oldest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	IncreaseTimes []metav1.Time `json:"increaseTimes,omitempty"`

	// revertCount is how often, since the spec was last changed, another writer undid what Metapilot wrote.
	// +kubebuilder:validation:Minimum=0
	// +optional
	RevertCount *int32 `json:"revertCount,omitempty"`

	// estimates are the answers of every estimator to the last plan, also those that lost or had no data.
	// +listType=map
	// +listMapKey=estimator
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Estimates []EstimateStatus `json:"estimates,omitempty"`

	// oom is what is remembered of the component's OOM kills.
	// +optional
	OOM *OOMStatus `json:"oom,omitempty"`
}

// OOMStatus is what is remembered of a component's OOM kills. It outlives restarts of the manager.
type OOMStatus struct {
	// answered are the kills that have been answered or judged to need no answer, newest last. A kill is never
	// answered twice.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Answered []OOMKill `json:"answered,omitempty"`

	// repeats is how often in a row the component was killed again within the repeat window; 0 after the first.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Repeats *int32 `json:"repeats,omitempty"`

	// lastKillTime is when the newest kill that was answered with more memory happened.
	// +optional
	LastKillTime *metav1.Time `json:"lastKillTime,omitempty"`

	// floor is the memory below which no estimator may go.
	// +optional
	Floor *OOMFloor `json:"floor,omitempty"`
}

// OOMFloor is a floor that decays: half way from memory back to killedAt after each half-life.
type OOMFloor struct {
	// memory that was given in answer to the kill.
	// +required
	Memory resource.Quantity `json:"memory,omitempty,omitzero"`

	// killedAt is the memory limit at which the kill happened.
	// +required
	KilledAt resource.Quantity `json:"killedAt,omitempty,omitzero"`

	// since is when it was given.
	// +required
	Since metav1.Time `json:"since,omitempty,omitzero"`
}
