package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
)

// Labels of a ScalingRecord.
const (
	// LabelScaler is the name of the ClusterScaler.
	LabelScaler = "metapilot.dev/scaler"
	// LabelComponent is the name of the component.
	LabelComponent = "metapilot.dev/component"
)

// ScalingRecord is the story of one plan for one component. Its spec, what was seen and decided, is written before
// Metapilot acts and cannot be changed; its status tells what was done and how it turned out.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=srec,categories=metapilot
// +kubebuilder:printcolumn:name="Component",type=string,JSONPath=`.spec.component`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.spec.verdict`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.from.limits.memory`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.spec.to.limits.memory`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.spec.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScalingRecord struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what was seen and decided. It cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a record's spec cannot be changed: it is what was seen and decided at the time"
	// +required
	Spec ScalingRecordSpec `json:"spec,omitzero"`

	// status is what was done and how it turned out.
	// +optional
	Status ScalingRecordStatus `json:"status,omitempty,omitzero"`
}

// ScalingRecordList is a list of ScalingRecords.
// +kubebuilder:object:root=true
type ScalingRecordList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the ScalingRecords.
	Items []ScalingRecord `json:"items"`
}

// ScalingRecordSpec is what was seen and decided.
type ScalingRecordSpec struct {
	// scaler is the name of the ClusterScaler, in the same namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Scaler string `json:"scaler,omitempty"`

	// scalerUID is the UID of that ClusterScaler.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ScalerUID string `json:"scalerUID,omitempty"`

	// component is the name of the component.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Component string `json:"component,omitempty"`

	// target is the component's workload and container.
	// +required
	Target Target `json:"target,omitzero"`

	// mode in which the plan was made. DryRun was only told; Off is never recorded.
	// +required
	Mode Mode `json:"mode,omitempty"`

	// verdict of the plan.
	// +required
	Verdict decision.Verdict `json:"verdict,omitempty"`

	// reason of the verdict.
	// +required
	Reason decision.Reason `json:"reason,omitempty"`

	// message says it in a sentence.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Message string `json:"message,omitempty"`

	// trigger is what set the plan off, with its evidence.
	// +required
	Trigger RecordTrigger `json:"trigger,omitzero"`

	// from is the size before.
	// +required
	From Size `json:"from,omitzero"`

	// want is what the estimators asked for together, before bounds and nodes.
	// +optional
	Want *Size `json:"want,omitempty"`

	// to is the size decided on; equal to from when a gate held.
	// +required
	To Size `json:"to,omitzero"`

	// estimates are the answers of every estimator, also those that lost or had no data.
	// +listType=map
	// +listMapKey=estimator
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Estimates []EstimateStatus `json:"estimates,omitempty"`

	// gates in the order in which they were asked; those after one that held were not asked.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Gates []GateResult `json:"gates,omitempty"`

	// decidedAt is when the plan was made.
	// +required
	DecidedAt metav1.MicroTime `json:"decidedAt,omitempty,omitzero"`

	// actuation is how the size is to be carried out.
	// +optional
	Actuation *RecordActuation `json:"actuation,omitempty"`
}

// RecordActuation is how a size is to be carried out, as decided; later edits of the ClusterScaler do not change it.
type RecordActuation struct {
	// type of the actuation.
	// +required
	Type ActuationType `json:"type,omitempty"`

	// template says what is done with the workload's pod template.
	// +required
	Template TemplatePolicy `json:"template,omitempty"`

	// fallbackAfterSeconds is how long a resize may be Deferred; then, or at once when it is Infeasible, it becomes a
	// rolling update.
	// +kubebuilder:validation:Minimum=0
	// +required
	FallbackAfterSeconds *int32 `json:"fallbackAfterSeconds,omitempty"`

	// watchSeconds is how long the component is watched after the change.
	// +kubebuilder:validation:Minimum=1
	// +required
	WatchSeconds *int32 `json:"watchSeconds,omitempty"`
}

// RecordTriggerType names what set a plan off.
// +kubebuilder:validation:Enum=OOM;MinimumSize;HighUse;LowUse;Undo
type RecordTriggerType string

const (
	// RecordTriggerOOM is one or more OOM kills.
	RecordTriggerOOM RecordTriggerType = "OOM"
	// RecordTriggerMinimumSize is a size below the component's bounds.min.
	RecordTriggerMinimumSize RecordTriggerType = "MinimumSize"
	// RecordTriggerHighUse is use that stayed above a trigger.
	RecordTriggerHighUse RecordTriggerType = "HighUse"
	// RecordTriggerLowUse is use that stayed below every trigger for the whole window.
	RecordTriggerLowUse RecordTriggerType = "LowUse"
	// RecordTriggerUndo is trouble while a scale-down was watched.
	RecordTriggerUndo RecordTriggerType = "Undo"
)

// RecordTrigger is what set a plan off: a type, and the member of that name with the evidence.
// MinimumSize needs no evidence beyond the record's from.
// +union
// +kubebuilder:validation:XValidation:rule="(self.type == 'OOM') == has(self.oom)",message="oom must be set when type is OOM, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'HighUse' || self.type == 'LowUse' || self.type == 'Undo') == has(self.use)",message="use must be set when type is HighUse, LowUse or Undo, and only then"
type RecordTrigger struct {
	// type of the trigger.
	// +unionDiscriminator
	// +required
	Type RecordTriggerType `json:"type,omitempty"`

	// oom is the evidence of type OOM.
	// +optional
	OOM *OOMEvidence `json:"oom,omitempty"`

	// use is the evidence of types HighUse, LowUse and Undo.
	// +optional
	Use *UseEvidence `json:"use,omitempty"`
}

// UseEvidence is what was measured of a component's use when a plan was made.
// +kubebuilder:validation:MinProperties=1
type UseEvidence struct {
	// latest is the use of the replica that uses most.
	// +optional
	Latest *ResourceAmounts `json:"latest,omitempty"`

	// measuredTime is when the source measured it.
	// +optional
	MeasuredTime *metav1.Time `json:"measuredTime,omitempty"`

	// low is since when little has been used, resource by resource.
	// +listType=map
	// +listMapKey=resource
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +optional
	Low []UseStatus `json:"low,omitempty"`

	// undoes is the record of the scale-down that is taken back, for type Undo.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Undoes string `json:"undoes,omitempty"`
}

// OOMEvidence is what was seen of OOM kills.
type OOMEvidence struct {
	// kills that this record answers, oldest first.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +required
	Kills []OOMKill `json:"kills,omitempty"`

	// limitInForce is the memory limit at which the container was killed; absent when it had none.
	// +optional
	LimitInForce *ResourceAmounts `json:"limitInForce,omitempty"`

	// peak is the highest usage measured; absent when none was.
	// +optional
	Peak *ResourceAmounts `json:"peak,omitempty"`

	// repeats is how often in a row the component was killed again within the repeat window; 0 for the first.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Repeats *int32 `json:"repeats,omitempty"`
}

// GateOutcome is what a gate answered.
// +kubebuilder:validation:Enum=Passed;Held;NotAsked
type GateOutcome string

const (
	// GatePassed lets the change through.
	GatePassed GateOutcome = "Passed"
	// GateHeld holds the change.
	GateHeld GateOutcome = "Held"
	// GateNotAsked: the change is urgent and passes this gate unasked.
	GateNotAsked GateOutcome = "NotAsked"
)

// GateResult is what one gate answered.
type GateResult struct {
	// name of the gate.
	// +required
	Name decision.Gate `json:"name,omitempty"`

	// outcome is Passed, Held, or NotAsked (the change is urgent).
	// +required
	Outcome GateOutcome `json:"outcome,omitempty"`

	// message says why, for a gate that held.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// RecordPhase is how far the carrying out of a plan has come.
// +kubebuilder:validation:Enum=Begun;Resizing;Converging;RollingOut;Watching;Succeeded;Failed;Superseded;Undone;DryRun;Held
type RecordPhase string

// Phases of a record. Begun, Resizing, Converging, RollingOut and Watching are open; the others are ends.
const (
	// PhaseBegun: written down, nothing done yet.
	PhaseBegun RecordPhase = "Begun"
	// PhaseResizing: the pods are being resized in place.
	PhaseResizing RecordPhase = "Resizing"
	// PhaseConverging: the workload's template is being brought in line without a restart.
	PhaseConverging RecordPhase = "Converging"
	// PhaseRollingOut: the size is being carried out by a rolling update.
	PhaseRollingOut RecordPhase = "RollingOut"
	// PhaseWatching: carried out; the component is being watched.
	PhaseWatching RecordPhase = "Watching"
	// PhaseSucceeded: carried out, and no trouble while it was watched.
	PhaseSucceeded RecordPhase = "Succeeded"
	// PhaseFailed: could not be carried out; the message says why.
	PhaseFailed RecordPhase = "Failed"
	// PhaseSuperseded: a later record took over, because of further trouble.
	PhaseSuperseded RecordPhase = "Superseded"
	// PhaseUndone: trouble came while it was watched, and a later record took it back.
	PhaseUndone RecordPhase = "Undone"
	// PhaseDryRun: only told.
	PhaseDryRun RecordPhase = "DryRun"
	// PhaseHeld: a gate held the change; nothing was done.
	PhaseHeld RecordPhase = "Held"
)

// TimelineStep is a moment in a record's story.
// +kubebuilder:validation:Enum=Reported;Detected;Decided;Resized;Actuated;Fallback;Converged;RolledOut;Verified;Failed;Superseded
type TimelineStep string

// Steps of a timeline, in the order in which they usually happen.
const (
	// StepReported: the kubelet says that the container ended (to the second).
	StepReported TimelineStep = "Reported"
	// StepDetected: Metapilot's watch saw it.
	StepDetected TimelineStep = "Detected"
	// StepDecided: the plan was made.
	StepDecided TimelineStep = "Decided"
	// StepResized: the API server accepted the resize of every replica.
	StepResized TimelineStep = "Resized"
	// StepActuated: the kubelets report every replica at the new size.
	StepActuated TimelineStep = "Actuated"
	// StepFallback: the resize in place could not be carried out, a rolling update was begun.
	StepFallback TimelineStep = "Fallback"
	// StepConverged: the template gives the new size, and no pod was restarted.
	StepConverged TimelineStep = "Converged"
	// StepRolledOut: the rolling update has finished.
	StepRolledOut TimelineStep = "RolledOut"
	// StepVerified: the watch period ended.
	StepVerified TimelineStep = "Verified"
	// StepFailed: it could not be carried out.
	StepFailed TimelineStep = "Failed"
	// StepSuperseded: a later record took over.
	StepSuperseded TimelineStep = "Superseded"
)

// TimelineEntry is one moment of a record's story.
type TimelineEntry struct {
	// step that was reached.
	// +required
	Step TimelineStep `json:"step,omitempty"`

	// time at which it was reached.
	// +required
	Time metav1.MicroTime `json:"time,omitempty,omitzero"`

	// message says more.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// ScalingRecordStatus is what was done and how it turned out.
type ScalingRecordStatus struct {
	// phase is how far the carrying out has come.
	// +optional
	Phase RecordPhase `json:"phase,omitempty"`

	// message says how it stands, or how it turned out, in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// timeline of what happened, each step at most once.
	// +listType=map
	// +listMapKey=step
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Timeline []TimelineEntry `json:"timeline,omitempty"`

	// killsWhileWatched counts OOM kills at the new size during the watch period.
	// +kubebuilder:validation:Minimum=0
	// +optional
	KillsWhileWatched *int32 `json:"killsWhileWatched,omitempty"`

	// monthlyDelta is what the change adds to what is requested, over all replicas: cores and bytes, negative for less.
	// +optional
	MonthlyDelta *ResourceAmounts `json:"monthlyDelta,omitempty"`
}

// Open tells whether the record's plan is still being carried out or watched. A record without a phase was begun.
func (r *ScalingRecord) Open() bool {
	switch r.Status.Phase {
	case "", PhaseBegun, PhaseResizing, PhaseConverging, PhaseRollingOut, PhaseWatching:
		return true
	default:
		return false
	}
}

// Settled tells whether nothing more will be done for the record's plan, though it may still be watched.
func (r *ScalingRecord) Settled() bool {
	return !r.Open() || r.Status.Phase == PhaseWatching
}
