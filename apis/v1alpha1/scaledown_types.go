package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Nothing here has a default in the schema: what the API server filled in could not be told from what somebody wrote.

// ScaleDown says when a component may be made smaller. It is, one step at a time, when every trigger has been met for the
// whole window, every signal is fresh, nothing asks for more, and no gate holds.
// +kubebuilder:validation:MinProperties=1
type ScaleDown struct {
	// state turns shrinking on or off. Default Enabled.
	// +optional
	State Switch `json:"state,omitempty"`

	// triggers say, for each resource, when little of it is used; a resource without one is not made smaller.
	// When absent: CPU and Memory with their defaults.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +optional
	Triggers []DownTrigger `json:"triggers,omitempty"`

	// windowSeconds is how long use must have been low without a break; one measurement above the trigger starts it anew, and
	// so does a gap in the measurements of more than an eighth of it. Default 43200 (12 hours).
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=604800
	// +optional
	WindowSeconds *int32 `json:"windowSeconds,omitempty"`

	// cooldownSeconds is how long after any change of the component it is not made smaller. A scale-down that had to be taken
	// back doubles it, up to 8 times. Default 43200 (12 hours).
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	// +optional
	CooldownSeconds *int32 `json:"cooldownSeconds,omitempty"`

	// quietSeconds is how long after trouble (an OOM kill, a scale-down that had to be taken back) the component is not made
	// smaller. Default 86400 (24 hours).
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	// +optional
	QuietSeconds *int32 `json:"quietSeconds,omitempty"`

	// maxStepPercent is the most that a step takes of a resource. Default 25.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=25
	// +optional
	MaxStepPercent *int32 `json:"maxStepPercent,omitempty"`

	// minChangePercent is the least that a step must take of a resource to be worth making. Default 10.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=25
	// +optional
	MinChangePercent *int32 `json:"minChangePercent,omitempty"`

	// watchSeconds is how long a scale-down is watched; trouble in that time takes it back. Default 3600.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	// +optional
	WatchSeconds *int32 `json:"watchSeconds,omitempty"`

	// maintenanceWindows are the times at which the component may be made smaller. When absent: always.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +optional
	MaintenanceWindows []MaintenanceWindow `json:"maintenanceWindows,omitempty"`
}

// DownTriggerType names a resource of which little may be used.
// +kubebuilder:validation:Enum=CPU;Memory
type DownTriggerType string

const (
	// DownTriggerCPU is a low use of CPU.
	DownTriggerCPU DownTriggerType = "CPU"
	// DownTriggerMemory is a low use of memory.
	DownTriggerMemory DownTriggerType = "Memory"
)

// DownTrigger is one resource's condition for a scale-down: a type, and the member of that name with its settings.
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'CPU' || !has(self.cpu)",message="cpu is only allowed when type is CPU: remove it, or set type: CPU"
// +kubebuilder:validation:XValidation:rule="self.type == 'Memory' || !has(self.memory)",message="memory is only allowed when type is Memory: remove it, or set type: Memory"
type DownTrigger struct {
	// type of the trigger.
	// +unionDiscriminator
	// +required
	Type DownTriggerType `json:"type,omitempty"`

	// cpu are the settings of type CPU; when absent, their defaults.
	// +optional
	CPU *LowUse `json:"cpu,omitempty"`

	// memory are the settings of type Memory; when absent, their defaults.
	// +optional
	Memory *LowUse `json:"memory,omitempty"`
}

// ShareOf is what a share of use is reckoned of.
// +kubebuilder:validation:Enum=Request;Limit
type ShareOf string

const (
	// ShareOfRequest reckons of the request; of the limit where there is no request.
	ShareOfRequest ShareOf = "Request"
	// ShareOfLimit reckons of the limit; of the request where there is no limit.
	ShareOfLimit ShareOf = "Limit"
)

// HighUse is a use above which a component is too small. The replica that uses most counts.
// +kubebuilder:validation:MinProperties=1
type HighUse struct {
	// abovePercent is the share of the size above which use is high. Default 90.
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000
	// +optional
	AbovePercent *int32 `json:"abovePercent,omitempty"`

	// of is what the share is reckoned of: Request or Limit. Default Limit.
	// +optional
	Of ShareOf `json:"of,omitempty"`

	// forSeconds is how long use must stay high without a break. Default 60.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	ForSeconds *int32 `json:"forSeconds,omitempty"`
}

// LowUse is a use below which a component may be too large. The replica that uses most counts.
// +kubebuilder:validation:MinProperties=1
type LowUse struct {
	// belowPercent is the share of the size below which use is low. Default 60.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=95
	// +optional
	BelowPercent *int32 `json:"belowPercent,omitempty"`

	// of is what the share is reckoned of: Request or Limit. Default Limit.
	// +optional
	Of ShareOf `json:"of,omitempty"`
}

// ProfileEstimator takes what a WorkloadProfile says that the container needs.
// +kubebuilder:validation:MinProperties=1
type ProfileEstimator struct {
	// minHistorySeconds is how much time the profile must have seen before it is followed downwards. Default 86400 (1 day).
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	// +optional
	MinHistorySeconds *int32 `json:"minHistorySeconds,omitempty"`

	// marginPercent is added to what the profile says. Default 0: the algorithms have margins of their own.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=400
	// +optional
	MarginPercent *int32 `json:"marginPercent,omitempty"`
}

// UtilizationEstimator gives the size of which the use seen would be a target percent.
// +kubebuilder:validation:MinProperties=1
type UtilizationEstimator struct {
	// targetPercent is the share of the container's limit (of its request where it has no limit) that use should be. Default 70.
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100
	// +optional
	TargetPercent *int32 `json:"targetPercent,omitempty"`
}

// PauseDirection is what a pause holds.
// +kubebuilder:validation:Enum=Both;Up;Down
type PauseDirection string

const (
	// PauseBoth holds every change, answers to OOM kills included.
	PauseBoth PauseDirection = "Both"
	// PauseUp holds growth, answers to OOM kills included.
	PauseUp PauseDirection = "Up"
	// PauseDown holds scale-downs.
	PauseDown PauseDirection = "Down"
)

// Pause holds changes until a time.
type Pause struct {
	// until is when it ends by itself.
	// +required
	Until metav1.Time `json:"until,omitempty,omitzero"`

	// direction is what it holds: Both, Up or Down. Default Both.
	// +optional
	Direction PauseDirection `json:"direction,omitempty"`

	// reason for whoever wonders why nothing happens.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`
}

// Weekday is a day of the week.
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type Weekday string

// MaintenanceWindow is a stretch of time that comes back on some days of the week.
type MaintenanceWindow struct {
	// days on which it begins. When absent: every day.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	// +optional
	Days []Weekday `json:"days,omitempty"`

	// start is the time of day at which it begins, e.g. "22:00".
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:XValidation:rule="self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')",message="start must be a time of day between 00:00 and 23:59, e.g. \"22:00\""
	// +required
	Start string `json:"start,omitempty"`

	// durationSeconds is how long it lasts; it may reach into the next day.
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	// +required
	DurationSeconds *int32 `json:"durationSeconds,omitempty"`

	// timeZone is that of start, by its name in the IANA database, e.g. "Europe/Berlin". Default "UTC".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// UseStatus is since when little of a resource has been used.
type UseStatus struct {
	// resource is CPU or Memory.
	// +required
	Resource DownTriggerType `json:"resource,omitempty"`

	// lowSince is when the stretch began in which use was low at every measurement.
	// +required
	LowSince metav1.Time `json:"lowSince,omitempty,omitzero"`

	// seenTime is the time of a measurement up to which that is known. It is written now and then, not at every measurement.
	// +required
	SeenTime metav1.Time `json:"seenTime,omitempty,omitzero"`

	// peak is the highest use in that stretch.
	// +optional
	Peak *ResourceAmounts `json:"peak,omitempty"`
}
