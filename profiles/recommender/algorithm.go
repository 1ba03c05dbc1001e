package recommender

import (
	"strings"
	"time"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles"
)

// Defaults are the algorithms of profiles that name none, by the component's name; "" is that of all others.
type Defaults map[string]v1alpha1.Algorithm

func (d Defaults) of(component string) *v1alpha1.Algorithm {
	for _, name := range []string{component, ""} {
		if a, ok := d[name]; ok {
			return &a
		}
	}
	return &v1alpha1.Algorithm{Type: v1alpha1.AlgorithmAuto}
}

// algorithm gives the settings that an API object stands for: what it leaves out has its default. The schema's bounds lie
// within those of profiles. VPA is not made here: it is a state of its own.
func algorithm(a *v1alpha1.Algorithm, component string) profiles.Algorithm {
	switch a.Type {
	case v1alpha1.AlgorithmPercentile:
		return percentile(a.Percentile)
	case v1alpha1.AlgorithmPeak:
		return peak(a.Peak)
	case v1alpha1.AlgorithmMovingWindow:
		return movingWindow(a.MovingWindow)
	case v1alpha1.AlgorithmSeasonal:
		return seasonal(a.Seasonal)
	default:
		if a.Auto != nil && a.Auto.Kind != "" {
			return profiles.Auto{Kind: profiles.Kind(a.Auto.Kind)}
		}
		return profiles.Auto{Kind: kindOf(component)}
	}
}

// kindOf guesses the kind of a component from its name, as the common hosted control planes call theirs.
func kindOf(component string) profiles.Kind {
	for _, k := range []struct {
		part string
		kind profiles.Kind
	}{
		{"controller-manager", profiles.KindControllerManager},
		{"scheduler", profiles.KindScheduler},
		{"apiserver", profiles.KindAPIServer},
		{"api-server", profiles.KindAPIServer},
		{"etcd", profiles.KindEtcd},
	} {
		if strings.Contains(strings.ToLower(component), k.part) {
			return k.kind
		}
	}
	return profiles.KindOther
}

func percentile(from *v1alpha1.PercentileAlgorithm) profiles.Algorithm {
	a := profiles.DefaultPercentile()
	if from == nil {
		return a
	}
	set(&a.CPU.Target, from.CPUPercent)
	set(&a.Memory.Target, from.MemoryPercent)
	a.CPU.Upper, a.Memory.Upper = max(a.CPU.Upper, a.CPU.Target), max(a.Memory.Upper, a.Memory.Target)
	setSeconds(&a.HalfLife.CPUHalfLife, from.HalfLifeSeconds)
	setSeconds(&a.HalfLife.MemoryHalfLife, from.HalfLifeSeconds)
	set(&a.MarginPercent, from.MarginPercent)
	return a
}

func peak(from *v1alpha1.PeakAlgorithm) profiles.Algorithm {
	a := profiles.DefaultPeak()
	if from == nil {
		return a
	}
	setSeconds(&a.Window, from.WindowSeconds)
	set(&a.MarginPercent, from.MarginPercent)
	return a
}

func movingWindow(from *v1alpha1.MovingWindowAlgorithm) profiles.Algorithm {
	a := profiles.DefaultMovingWindow()
	if from == nil {
		return a
	}
	for _, s := range []struct {
		from *v1alpha1.Statistic
		to   *profiles.Statistic
	}{{from.CPU, &a.CPU}, {from.Memory, &a.Memory}} {
		if s.from != nil {
			*s.to = profiles.Statistic{Kind: profiles.StatisticKind(s.from.Type)}
			set(&s.to.Percent, s.from.Percent)
		}
	}
	setSeconds(&a.HalfLife.CPUHalfLife, from.CPUHalfLifeSeconds)
	setSeconds(&a.HalfLife.MemoryHalfLife, from.MemoryHalfLifeSeconds)
	setSeconds(&a.Window, from.WindowSeconds)
	set(&a.MarginPercent, from.MarginPercent)
	a.LargeMarginPercent = a.MarginPercent * 2 / 3 // 10 % of 15 %, as in the paper
	return a
}

func seasonal(from *v1alpha1.SeasonalAlgorithm) profiles.Algorithm {
	a := profiles.DefaultSeasonal()
	if from == nil {
		return a
	}
	if from.Season != "" {
		a.Season = profiles.Season(from.Season)
	}
	setSeconds(&a.Ahead, from.AheadSeconds)
	set(&a.CoveragePercent, from.CoveragePercent)
	setSeconds(&a.Window, from.WindowSeconds)
	set(&a.MarginPercent, from.MarginPercent)
	return a
}

func set(to, from *int32) {
	if from != nil {
		*to = *from
	}
}

func setSeconds(to *time.Duration, from *int32) {
	if from != nil {
		*to = time.Duration(*from) * time.Second
	}
}
