package exporter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/metapilot/metapilot/scalers/signals"
)

// ConfigMap is the ConfigMap in kube-system that holds the settings, one entry each, so that any process can set one.
const ConfigMap = "sandbox-signals"

// all stands for every namespace or component in a key.
const all = "_"

// Setting is what a signal of a component is from now on.
type Setting struct {
	Namespace string // "" is every namespace
	Component string // its container; "" is every one that tells the signal
	Signal    signals.Name
	Amount    float64 // in the signal's unit; of a component with several pods, as scalers/signals gives it
}

// Key is the entry's name in the ConfigMap: one for the same replaces the one before.
func (s Setting) Key() string {
	part := func(text string) string {
		if text == "" {
			return all
		}
		return text
	}
	return part(s.Namespace) + "." + part(s.Component) + "." + string(s.Signal)
}

// Text is the entry itself.
func (s Setting) Text() string { return strconv.FormatFloat(s.Amount, 'g', -1, 64) }

// Validate says what is wrong.
func (s Setting) Validate() error {
	if _, ok := signals.Of(s.Signal); !ok {
		var names []string
		for _, name := range signals.Names() {
			names = append(names, string(name))
		}
		return fmt.Errorf("there is no signal %q; there are: %s", s.Signal, strings.Join(names, ", "))
	}
	if math.IsNaN(s.Amount) || math.IsInf(s.Amount, 0) || s.Amount < 0 {
		return fmt.Errorf("%s is %g; it must be 0 or more", s.Signal, s.Amount)
	}
	return nil
}

// Read reads the entries of a ConfigMap, the narrower ones last. Those that cannot be read are left out.
func Read(data map[string]string) []Setting {
	var settings []Setting
	for key, text := range data {
		parts := strings.Split(key, ".")
		amount, err := strconv.ParseFloat(text, 64)
		if err != nil || len(parts) != 3 {
			continue
		}
		for i, part := range parts {
			if part == all {
				parts[i] = ""
			}
		}
		s := Setting{Namespace: parts[0], Component: parts[1], Signal: signals.Name(parts[2]), Amount: amount}
		if s.Validate() == nil {
			settings = append(settings, s)
		}
	}
	slices.SortFunc(settings, func(a, b Setting) int {
		if d := a.narrowness() - b.narrowness(); d != 0 {
			return d
		}
		return strings.Compare(a.Key(), b.Key())
	})
	return settings
}

func (s Setting) narrowness() int {
	n := 0
	if s.Namespace != "" {
		n += 2
	}
	if s.Component != "" {
		n++
	}
	return n
}

func (s Setting) matches(namespace, component string) bool {
	return (s.Namespace == "" || s.Namespace == namespace) && (s.Component == "" || s.Component == component)
}
