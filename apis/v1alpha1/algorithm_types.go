package v1alpha1

// AlgorithmType names a way to turn what was measured into sizes.
// +kubebuilder:validation:Enum=Auto;VPA;Percentile;Peak;MovingWindow;Seasonal
type AlgorithmType string

const (
	// AlgorithmAuto chooses by the kind of component and by what is known of it, and says what it chose and why.
	AlgorithmAuto AlgorithmType = "Auto"
	// AlgorithmVPA is the Vertical Pod Autoscaler's own, with its defaults.
	AlgorithmVPA AlgorithmType = "VPA"
	// AlgorithmPercentile takes percentiles of usage that fades with time.
	AlgorithmPercentile AlgorithmType = "Percentile"
	// AlgorithmPeak takes the highest usage of a window.
	AlgorithmPeak AlgorithmType = "Peak"
	// AlgorithmMovingWindow takes the moving-window statistics of Google's Autopilot.
	AlgorithmMovingWindow AlgorithmType = "MovingWindow"
	// AlgorithmSeasonal takes the peaks of the same hours of earlier days or weeks, where they foretell well enough.
	AlgorithmSeasonal AlgorithmType = "Seasonal"
)

// Algorithm says how sizes are found: a type, and the member of that name with its settings. VPA has none. Start-ups and
// OOM kills count with every type.
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'Auto' || !has(self.auto)",message="auto is only allowed when type is Auto: remove it, or set type: Auto"
// +kubebuilder:validation:XValidation:rule="self.type == 'Percentile' || !has(self.percentile)",message="percentile is only allowed when type is Percentile: remove it, or set type: Percentile"
// +kubebuilder:validation:XValidation:rule="self.type == 'Peak' || !has(self.peak)",message="peak is only allowed when type is Peak: remove it, or set type: Peak"
// +kubebuilder:validation:XValidation:rule="self.type == 'MovingWindow' || !has(self.movingWindow)",message="movingWindow is only allowed when type is MovingWindow: remove it, or set type: MovingWindow"
// +kubebuilder:validation:XValidation:rule="self.type == 'Seasonal' || !has(self.seasonal)",message="seasonal is only allowed when type is Seasonal: remove it, or set type: Seasonal"
type Algorithm struct {
	// type of the algorithm.
	// +unionDiscriminator
	// +required
	Type AlgorithmType `json:"type,omitempty"`

	// auto are the settings of type Auto; when absent, their defaults.
	// +optional
	Auto *AutoAlgorithm `json:"auto,omitempty"`

	// percentile are the settings of type Percentile; when absent, their defaults.
	// +optional
	Percentile *PercentileAlgorithm `json:"percentile,omitempty"`

	// peak are the settings of type Peak; when absent, their defaults.
	// +optional
	Peak *PeakAlgorithm `json:"peak,omitempty"`

	// movingWindow are the settings of type MovingWindow; when absent, their defaults.
	// +optional
	MovingWindow *MovingWindowAlgorithm `json:"movingWindow,omitempty"`

	// seasonal are the settings of type Seasonal; when absent, their defaults.
	// +optional
	Seasonal *SeasonalAlgorithm `json:"seasonal,omitempty"`
}

// ComponentKind is a kind of component, as far as sizing it differs.
// +kubebuilder:validation:Enum=APIServer;Etcd;ControllerManager;Scheduler;Other
type ComponentKind string

// The kinds of component.
const (
	ComponentAPIServer         ComponentKind = "APIServer"
	ComponentEtcd              ComponentKind = "Etcd"
	ComponentControllerManager ComponentKind = "ControllerManager"
	ComponentScheduler         ComponentKind = "Scheduler"
	ComponentOther             ComponentKind = "Other"
)

// AutoAlgorithm chooses an algorithm.
// +kubebuilder:validation:MinProperties=1
type AutoAlgorithm struct {
	// kind of the component. Default: what the component's name says (kube-apiserver, etcd, kube-controller-manager,
	// kube-scheduler), else Other, which is treated with the care of a kube-apiserver.
	// +optional
	Kind ComponentKind `json:"kind,omitempty"`
}

// PercentileAlgorithm takes percentiles of usage.
// +kubebuilder:validation:MinProperties=1
type PercentileAlgorithm struct {
	// cpuPercent of the measured time usage of CPU lies at or below the target. Default 95.
	// +kubebuilder:default=95
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=99
	// +optional
	CPUPercent *int32 `json:"cpuPercent,omitempty"`

	// memoryPercent of the measured time usage of memory lies at or below the target. Default 99.
	// +kubebuilder:default=99
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=100
	// +optional
	MemoryPercent *int32 `json:"memoryPercent,omitempty"`

	// halfLifeSeconds is the time after which a sample counts half. Default 604800 (7 days).
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	HalfLifeSeconds *int32 `json:"halfLifeSeconds,omitempty"`

	// marginPercent is added. Default 15.
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	// +optional
	MarginPercent *int32 `json:"marginPercent,omitempty"`
}

// PeakAlgorithm takes the highest usage of a window.
// +kubebuilder:validation:MinProperties=1
type PeakAlgorithm struct {
	// windowSeconds is the time before the newest sample of which the peak is taken. Default 1209600 (14 days).
	// +kubebuilder:default=1209600
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	WindowSeconds *int32 `json:"windowSeconds,omitempty"`

	// marginPercent is added. Default 15.
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	// +optional
	MarginPercent *int32 `json:"marginPercent,omitempty"`
}

// StatisticType names a statistic of MovingWindow.
// +kubebuilder:validation:Enum=Maximum;Average;LoadPercentile;Intermediate
type StatisticType string

// The statistics of MovingWindow.
const (
	// StatisticMaximum is the highest usage of the window.
	StatisticMaximum StatisticType = "Maximum"
	// StatisticAverage is the average, weighed by age.
	StatisticAverage StatisticType = "Average"
	// StatisticLoadPercentile is a percentile weighed by age and by usage itself.
	StatisticLoadPercentile StatisticType = "LoadPercentile"
	// StatisticIntermediate is the larger of that percentile and half of the maximum.
	StatisticIntermediate StatisticType = "Intermediate"
)

// Statistic is a statistic of MovingWindow.
// +kubebuilder:validation:XValidation:rule="has(self.percent) == (self.type == 'LoadPercentile' || self.type == 'Intermediate')",message="percent belongs to the types LoadPercentile and Intermediate, which need it: add or remove it"
type Statistic struct {
	// type of the statistic.
	// +required
	Type StatisticType `json:"type,omitempty"`

	// percent is the percentile of LoadPercentile and Intermediate.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Percent *int32 `json:"percent,omitempty"`
}

// MovingWindowAlgorithm takes the statistics of Autopilot (Rzadca et al., EuroSys 2020, section 3.2.2).
// +kubebuilder:validation:MinProperties=1
type MovingWindowAlgorithm struct {
	// cpu is the statistic of CPU. Default: LoadPercentile of 95.
	// +optional
	CPU *Statistic `json:"cpu,omitempty"`

	// memory is the statistic of memory. Default: LoadPercentile of 98.
	// +optional
	Memory *Statistic `json:"memory,omitempty"`

	// cpuHalfLifeSeconds is the time after which a sample of CPU counts half. Default 43200 (12 hours).
	// +kubebuilder:default=43200
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	CPUHalfLifeSeconds *int32 `json:"cpuHalfLifeSeconds,omitempty"`

	// memoryHalfLifeSeconds is the time after which a sample of memory counts half. Default 172800 (48 hours).
	// +kubebuilder:default=172800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	MemoryHalfLifeSeconds *int32 `json:"memoryHalfLifeSeconds,omitempty"`

	// windowSeconds is the window of the statistics Maximum and Intermediate. Default 1209600 (14 days).
	// +kubebuilder:default=1209600
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	WindowSeconds *int32 `json:"windowSeconds,omitempty"`

	// marginPercent is added to small sizes; to large ones (4 cores, 8 GiB) two thirds of it. Default 15.
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	// +optional
	MarginPercent *int32 `json:"marginPercent,omitempty"`
}

// SeasonType names which seasons may be used.
// +kubebuilder:validation:Enum=Any;Daily;Weekly
type SeasonType string

// The seasons.
const (
	// SeasonAny is the season that foretells the smaller sizes, of those that are relied on.
	SeasonAny SeasonType = "Any"
	// SeasonDaily is hours of the day.
	SeasonDaily SeasonType = "Daily"
	// SeasonWeekly is hours of the week.
	SeasonWeekly SeasonType = "Weekly"
)

// SeasonalAlgorithm takes the peaks of the same hours of earlier days or weeks; where they do not foretell the latest
// hours well enough, the peak of a window.
// +kubebuilder:validation:MinProperties=1
type SeasonalAlgorithm struct {
	// season that may be used. Default Any.
	// +kubebuilder:default=Any
	// +optional
	Season SeasonType `json:"season,omitempty"`

	// aheadSeconds is for how long from now the size must do. Default 21600 (6 hours).
	// +kubebuilder:default=21600
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=604800
	// +optional
	AheadSeconds *int32 `json:"aheadSeconds,omitempty"`

	// coveragePercent is the share of the latest hours whose peak must have been foretold. Default 98.
	// +kubebuilder:default=98
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=100
	// +optional
	CoveragePercent *int32 `json:"coveragePercent,omitempty"`

	// windowSeconds is that of the peak to fall back to. Default 1209600 (14 days).
	// +kubebuilder:default=1209600
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	WindowSeconds *int32 `json:"windowSeconds,omitempty"`

	// marginPercent is added. Default 15.
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	// +optional
	MarginPercent *int32 `json:"marginPercent,omitempty"`
}
