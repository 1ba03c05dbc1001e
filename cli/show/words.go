package show

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/metapilot/metapilot/size"
)

// Arrow is between what was and what is to be.
const Arrow = " → "

// shortEnough is how many characters an exact amount may have before it is rounded.
const shortEnough = 7

// Memory says an amount of memory: exactly where that is short, else to a tenth of its unit; "-" where it is not known.
func Memory(amount size.Opt[size.Bytes]) string {
	b, ok := amount.Get()
	if !ok {
		return Unknown
	}
	if exact := b.String(); len(exact) <= shortEnough && exact != strconv.FormatInt(int64(b), 10) {
		return exact
	}
	for _, unit := range []struct {
		size size.Bytes
		name string
	}{{size.GiB, "Gi"}, {size.MiB, "Mi"}, {size.KiB, "Ki"}} {
		if b >= unit.size {
			return strconv.FormatFloat(math.Round(float64(b)/float64(unit.size)*10)/10, 'f', -1, 64) + unit.name
		}
	}
	return b.String()
}

// CPU says an amount of CPU; "-" where it is not known.
func CPU(amount size.Opt[size.MilliCPU]) string {
	if m, ok := amount.Get(); ok {
		return m.String()
	}
	return Unknown
}

// Amounts says "cpu 250m, memory 512Mi", without what is not known; "-" where nothing is.
func Amounts(a size.Amounts) string {
	var parts []string
	if a.CPU.Present() {
		parts = append(parts, "cpu "+CPU(a.CPU))
	}
	if a.Memory.Present() {
		parts = append(parts, "memory "+Memory(a.Memory))
	}
	if len(parts) == 0 {
		return Unknown
	}
	return strings.Join(parts, ", ")
}

// Change says what differs between two sizes, as "memory 512Mi → 768Mi"; where nothing does, the size itself. Of limits
// and requests it takes those at which the container is stopped.
func Change(from, to size.Size) string {
	var parts []string
	f, t := from.Ceiling(), to.Ceiling()
	if from.Replicas != to.Replicas && from.Replicas.Present() && to.Replicas.Present() {
		parts = append(parts, "replicas "+from.Replicas.String()+Arrow+to.Replicas.String())
	}
	if f.CPU != t.CPU && t.CPU.Present() {
		parts = append(parts, "cpu "+CPU(f.CPU)+Arrow+CPU(t.CPU))
	}
	if f.Memory != t.Memory && t.Memory.Present() {
		parts = append(parts, "memory "+Memory(f.Memory)+Arrow+Memory(t.Memory))
	}
	if len(parts) == 0 {
		return Amounts(f)
	}
	return strings.Join(parts, ", ")
}

// Took says how long something took: "0.41s", "12s", "3m5s".
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return Unknown
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + "s"
	case d < time.Hour:
		return d.Round(time.Second).String()
	default:
		return Age(d)
	}
}

// Age says a length of time in at most two units: "45s", "3m5s", "2h10m", "3d4h". What lies ahead by less than a few
// seconds, as between two clocks, is "0s".
func Age(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.length {
			continue
		}
		said := fmt.Sprintf("%d%s", d/u.length, u.name)
		if i+1 < len(units) {
			if rest := d % u.length / units[i+1].length; rest > 0 && d/u.length < 10 {
				said += fmt.Sprintf("%d%s", rest, units[i+1].name)
			}
		}
		return said
	}
	return "0s"
}

// Ago says how long ago a time was: "3m5s ago", or "in 2h" for one that is to come; "-" for no time.
func Ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return Unknown
	case d < -2*time.Second:
		return "in " + Age(-d)
	default:
		return Age(d) + " ago"
	}
}

// Stamp gives a time in full for a program; "" for no time.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Percent says a share of a hundred, as "98 %".
func Percent(p int64) string { return strconv.FormatInt(p, 10) + " %" }

// Count says "1 tenant", "3 tenants".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
