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
)

// settings is a component's spec with every default filled in.
type settings struct {
	plan.Settings
	nodeKillBelowPercent int64
	actuation            v1alpha1.RecordActuation
}

// settingsOf fills in the defaults.
func settingsOf(mode v1alpha1.Mode, c *v1alpha1.Component) settings {
	s := settings{nodeKillBelowPercent: defaultNodeKillBelowPercent}
	s.Off = mode == v1alpha1.ModeOff
	s.scaleUp(c.ScaleUp)
	s.Min, s.Max = sizes.BoundsFromAPI(c.Bounds)
	s.estimators(c.Estimators)
	s.actuate(c.Actuation)
	return s
}

func (s *settings) scaleUp(up *v1alpha1.ScaleUp) {
	s.AnswersOOM, s.MaxIncreasesPerDay = true, defaultMaxIncreasesPerDay
	if up == nil {
		return
	}
	s.ScaleUpDisabled = up.State == v1alpha1.SwitchDisabled
	s.MaxIncreasesPerDay = int(or(up.MaxIncreasesPerDay, defaultMaxIncreasesPerDay))
	if len(up.Triggers) == 0 {
		return
	}
	s.AnswersOOM = false
	for _, t := range up.Triggers {
		if t.Type != v1alpha1.TriggerOOM {
			continue
		}
		s.AnswersOOM = true
		if t.OOM != nil {
			s.nodeKillBelowPercent = int64(or(t.OOM.NodeKillBelowPercent, defaultNodeKillBelowPercent))
		}
	}
}

func (s *settings) estimators(list []v1alpha1.Estimator) {
	s.OOM = estimators.OOM{BumpPercent: defaultBumpPercent, MaxBumpPercent: defaultMaxBumpPercent, MinBump: defaultMinBump, FloorHalfLife: defaultFloorHalfLifeSeconds * time.Second}
	s.RepeatWindow = defaultRepeatWindowSeconds * time.Second
	for _, e := range list {
		if e.Type != v1alpha1.EstimatorOOM || e.OOM == nil {
			continue
		}
		s.OOM.BumpPercent = int64(or(e.OOM.BumpPercent, defaultBumpPercent))
		s.OOM.MaxBumpPercent = int64(or(e.OOM.MaxBumpPercent, defaultMaxBumpPercent))
		s.OOM.FloorHalfLife = seconds(e.OOM.FloorHalfLifeSeconds, defaultFloorHalfLifeSeconds)
		s.RepeatWindow = seconds(e.OOM.RepeatWindowSeconds, defaultRepeatWindowSeconds)
		s.OOM.MinBump = sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{Memory: e.OOM.MinBump}).Memory.Or(defaultMinBump)
	}
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

func or(p *int32, otherwise int32) int32 {
	if p == nil {
		return otherwise
	}
	return *p
}

func seconds(p *int32, otherwise int32) time.Duration {
	return time.Duration(or(p, otherwise)) * time.Second
}
