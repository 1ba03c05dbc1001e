package clusterscaler

import (
	"time"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/size"
)

// Defaults of what a component leaves out as a whole. Members that are present get theirs from the CRD's schema; both
// are the same, which a test checks.
const (
	defaultBumpPercent          = 50
	defaultMaxBumpPercent       = 400
	defaultMinBump              = 32 * size.MiB
	defaultRepeatWindowSeconds  = 3600
	defaultFloorHalfLifeSeconds = 7 * 24 * 3600
	defaultNodeKillBelowPercent = 40
	defaultMaxIncreasesPerDay   = 6
	defaultFallbackAfterSeconds = 60
	defaultWatchSeconds         = 600

	defaultUpCooldownSeconds = 60
	defaultUpMaxStepPercent  = 100
	defaultHighPercent       = 90
	defaultHighSeconds       = 60
	defaultTargetPercent     = 70
	defaultMinHistorySeconds = 24 * 3600
	defaultLowPercent        = 60
	defaultWindowSeconds     = 12 * 3600
	defaultCooldownSeconds   = 12 * 3600
	defaultQuietSeconds      = 24 * 3600
	defaultMaxStepPercent    = 25
	defaultMinChangePercent  = 10
	defaultDownWatchSeconds  = 3600
)

// settings is a component's spec with every default filled in.
type settings struct {
	plan.Settings
	nodeKillBelowPercent int64
	actuation            v1alpha1.RecordActuation
	// downWatch is how long a scale-down is watched.
	downWatch time.Duration
}

// settingsOf fills in the defaults. Its error tells what a person has to write otherwise; the settings hold all the same.
func settingsOf(scaler *v1alpha1.ClusterScalerSpec, c *v1alpha1.Component) (settings, error) {
	s := settings{nodeKillBelowPercent: defaultNodeKillBelowPercent, downWatch: defaultDownWatchSeconds * time.Second}
	s.Off = scaler.Mode == v1alpha1.ModeOff
	s.pause(scaler.Pause)
	s.scaleUp(c.ScaleUp)
	s.Min, s.Max = sizes.BoundsFromAPI(c.Bounds)
	s.actuate(c.Actuation)
	err := s.scaleDown(c.ScaleDown)
	s.estimators(c.Estimators)
	return s, err
}

func (s *settings) pause(p *v1alpha1.Pause) {
	if p == nil {
		return
	}
	s.PauseReason = p.Reason
	if p.Direction != v1alpha1.PauseDown {
		s.UpPausedUntil = p.Until.Time
	}
	if p.Direction != v1alpha1.PauseUp {
		s.DownPausedUntil = p.Until.Time
	}
}

func (s *settings) scaleUp(up *v1alpha1.ScaleUp) {
	s.AnswersOOM, s.MaxIncreasesPerDay = true, defaultMaxIncreasesPerDay
	s.UpCooldown, s.UpMaxStepPercent = defaultUpCooldownSeconds*time.Second, defaultUpMaxStepPercent
	if up == nil {
		return
	}
	s.UpCooldown = seconds(up.CooldownSeconds, defaultUpCooldownSeconds)
	s.UpMaxStepPercent = int64(or(up.MaxStepPercent, defaultUpMaxStepPercent))
	s.ScaleUpDisabled = up.State == v1alpha1.SwitchDisabled
	s.MaxIncreasesPerDay = int(or(up.MaxIncreasesPerDay, defaultMaxIncreasesPerDay))
	if len(up.Triggers) == 0 {
		return
	}
	s.AnswersOOM = false
	for _, t := range up.Triggers {
		switch t.Type {
		case v1alpha1.TriggerOOM:
			s.AnswersOOM = true
			if t.OOM != nil {
				s.nodeKillBelowPercent = int64(or(t.OOM.NodeKillBelowPercent, defaultNodeKillBelowPercent))
			}
		case v1alpha1.TriggerCPU:
			s.AnswersHighCPU = true
			s.CPU.High, s.CPU.For = highUse(t.CPU)
		case v1alpha1.TriggerMemory:
			s.AnswersHighMemory = true
			s.Memory.High, s.Memory.For = highUse(t.Memory)
		}
	}
}

func (s *settings) estimators(list []v1alpha1.Estimator) {
	s.OOM = estimators.OOM{BumpPercent: defaultBumpPercent, MaxBumpPercent: defaultMaxBumpPercent, MinBump: defaultMinBump, FloorHalfLife: defaultFloorHalfLifeSeconds * time.Second}
	s.RepeatWindow = defaultRepeatWindowSeconds * time.Second
	if len(list) == 0 {
		list = s.usualEstimators()
	}
	for _, e := range list {
		priority := int(or(e.Priority, 0))
		switch e.Type {
		case v1alpha1.EstimatorOOM:
			s.OOMPriority = priority
			s.oomEstimator(e.OOM)
		case v1alpha1.EstimatorProfile:
			p := orZero(e.Profile)
			s.Profile = size.Of(estimators.Profile{Priority: priority,
				MinHistory:    seconds(p.MinHistorySeconds, defaultMinHistorySeconds),
				MarginPercent: int64(or(p.MarginPercent, 0))})
		case v1alpha1.EstimatorUtilization:
			s.Utilization = size.Of(estimators.Utilization{Priority: priority, TargetPercent: int64(or(orZero(e.Utilization).TargetPercent, defaultTargetPercent))})
		}
	}
}

// usualEstimators are those of a component that names none.
func (s *settings) usualEstimators() []v1alpha1.Estimator {
	out := []v1alpha1.Estimator{{Type: v1alpha1.EstimatorOOM}}
	if s.Down.Configured {
		out = append(out, v1alpha1.Estimator{Type: v1alpha1.EstimatorProfile})
	}
	if s.AnswersHighCPU || s.AnswersHighMemory {
		out = append(out, v1alpha1.Estimator{Type: v1alpha1.EstimatorUtilization})
	}
	return out
}

func (s *settings) oomEstimator(e *v1alpha1.OOMEstimator) {
	if e == nil {
		return
	}
	s.OOM.BumpPercent = int64(or(e.BumpPercent, defaultBumpPercent))
	s.OOM.MaxBumpPercent = int64(or(e.MaxBumpPercent, defaultMaxBumpPercent))
	s.OOM.FloorHalfLife = seconds(e.FloorHalfLifeSeconds, defaultFloorHalfLifeSeconds)
	s.RepeatWindow = seconds(e.RepeatWindowSeconds, defaultRepeatWindowSeconds)
	s.OOM.MinBump = sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{Memory: e.MinBump}).Memory.Or(defaultMinBump)
}

func (s *settings) actuate(a *v1alpha1.Actuation) {
	s.HoldForForeignOwner = true
	s.actuation = v1alpha1.RecordActuation{
		Type:                 v1alpha1.ActuationInPlace,
		Template:             v1alpha1.TemplateConverge,
		FallbackAfterSeconds: new(int32(defaultFallbackAfterSeconds)),
		WatchSeconds:         new(int32(defaultWatchSeconds)),
	}
	if a == nil || a.InPlace == nil {
		return
	}
	in := a.InPlace
	s.HoldForForeignOwner = in.OnForeignOwner != v1alpha1.ForeignOwnerTakeOver
	if in.Template != "" {
		s.actuation.Template = in.Template
	}
	s.actuation.FallbackAfterSeconds = new(or(in.FallbackAfterSeconds, defaultFallbackAfterSeconds))
	s.actuation.WatchSeconds = new(or(in.WatchSeconds, defaultWatchSeconds))
}

func orZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

func or(p *int32, otherwise int32) int32 {
	if p == nil {
		return otherwise
	}
	return *p
}

func seconds(p *int32, otherwise int32) time.Duration {
	return time.Duration(or(p, otherwise)) * time.Second
}
