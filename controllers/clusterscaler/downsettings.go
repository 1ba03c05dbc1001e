package clusterscaler

import (
	"errors"
	"fmt"
	"time"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// useMaxAge is how old a measurement of use may be: that of usage.StaleIntervals requests to metrics-server, of which each
// answers with a measurement that may be up to a minute old by itself.
const useMaxAge = 3 * time.Minute

var weekdays = map[v1alpha1.Weekday]time.Weekday{
	"Monday": time.Monday, "Tuesday": time.Tuesday, "Wednesday": time.Wednesday, "Thursday": time.Thursday,
	"Friday": time.Friday, "Saturday": time.Saturday, "Sunday": time.Sunday,
}

func highUse(h *v1alpha1.HighUse) (size.Opt[use.Share], time.Duration) {
	u := orZero(h)
	return size.Of(use.Share{Percent: int64(or(u.AbovePercent, defaultHighPercent)), OfRequest: u.Of == v1alpha1.ShareOfRequest}),
		seconds(u.ForSeconds, defaultHighSeconds)
}

// scaleDown fills in the settings of scale-downs. Where a maintenance window cannot be read nothing is made smaller.
func (s *settings) scaleDown(d *v1alpha1.ScaleDown) error {
	s.UseMaxAge = useMaxAge
	if d == nil {
		return nil
	}
	s.Down = plan.Down{
		Configured:       true,
		Disabled:         d.State == v1alpha1.SwitchDisabled,
		TemplateLeft:     s.actuation.Template == v1alpha1.TemplateLeave,
		Cooldown:         seconds(d.CooldownSeconds, defaultCooldownSeconds),
		Quiet:            seconds(d.QuietSeconds, defaultQuietSeconds),
		MaxStepPercent:   int64(or(d.MaxStepPercent, defaultMaxStepPercent)),
		MinChangePercent: int64(or(d.MinChangePercent, defaultMinChangePercent)),
	}
	s.downWatch = seconds(d.WatchSeconds, defaultDownWatchSeconds)
	triggers := d.Triggers
	if len(triggers) == 0 {
		triggers = []v1alpha1.DownTrigger{{Type: v1alpha1.DownTriggerCPU}, {Type: v1alpha1.DownTriggerMemory}}
	}
	for _, t := range triggers {
		of, low := &s.CPU, orZero(t.CPU)
		if t.Type == v1alpha1.DownTriggerMemory {
			of, low = &s.Memory, orZero(t.Memory)
		}
		of.Low = size.Of(use.Share{Percent: int64(or(low.BelowPercent, defaultLowPercent)), OfRequest: low.Of == v1alpha1.ShareOfRequest})
	}
	for _, of := range []*use.Settings{&s.CPU, &s.Memory} {
		of.Window = seconds(d.WindowSeconds, defaultWindowSeconds)
		if !of.High.Present() { // no trigger, but a scale-down that leads there is taken back
			of.High, of.For = highUse(nil)
		}
	}
	return s.maintenanceWindows(d.MaintenanceWindows)
}

func (s *settings) maintenanceWindows(list []v1alpha1.MaintenanceWindow) error {
	var errs []error
	for _, w := range list {
		zone, err := time.LoadLocation(w.TimeZone) // "" is UTC
		if err != nil || w.TimeZone == "Local" {
			errs = append(errs, fmt.Errorf("scaleDown.maintenanceWindows: there is no time zone %q: write a name of the IANA database, e.g. Europe/Berlin", w.TimeZone))
			zone = nil
		}
		start, err := time.Parse("15:04", w.Start)
		if err != nil {
			errs = append(errs, fmt.Errorf("scaleDown.maintenanceWindows: start %q is no time of day: write e.g. \"22:00\"", w.Start))
		}
		window := plan.Window{Start: time.Duration(start.Hour())*time.Hour + time.Duration(start.Minute())*time.Minute, Length: seconds(w.DurationSeconds, 0), Zone: zone}
		for _, d := range w.Days {
			window.Days = append(window.Days, weekdays[d])
		}
		s.Down.Windows = append(s.Down.Windows, window)
	}
	err := errors.Join(errs...)
	s.Down.Disabled = s.Down.Disabled || err != nil
	return err
}
