package budget

import (
	"fmt"
	"sync"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/controllers/plan"
)

// fewTenants is the size below which a share of the fleet says nothing: one of five tenants without data is no mass loss.
const fewTenants = 10

// Settings are those of the fleet.
type Settings struct {
	// Window is the time over which scale-downs are counted, and within which wishes are "at once".
	Window time.Duration
	// MaxPercent of the tenants may be made smaller within the window; at least Minimum of them.
	MaxPercent, Minimum int
	// MaxBlindPercent of the tenants may be without signals, and MaxAgreePercent may have begun to want less within the
	// window; with more of them nothing shrinks anywhere.
	MaxBlindPercent, MaxAgreePercent int
}

// Standing is how one tenant stands.
type Standing struct {
	// Blind: a signal that a scale-down needs is missing. Wants: less is wanted of a component.
	Blind, Wants bool
	// Downs are when each of its components was last made smaller, by name.
	Downs map[string]time.Time
}

// Ledger is safe for concurrent use.
type Ledger struct {
	settings Settings

	mu      sync.Mutex
	loaded  bool
	tenants map[string]*tenant
	// spent are the times of scale-downs within the window, by tenant and component.
	spent map[[2]string]time.Time
}

type tenant struct {
	blind bool
	// wantsSince is when it began to want less; zero where it does not.
	wantsSince time.Time
}

// New makes an empty ledger, which lets nothing pass before Load.
func New(settings Settings) *Ledger {
	return &Ledger{settings: settings, tenants: map[string]*tenant{}, spent: map[[2]string]time.Time{}}
}

// Loaded tells whether Load was called.
func (l *Ledger) Loaded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded
}

// Load takes what the objects of all tenants say, by namespace.
func (l *Ledger) Load(downs map[string]map[string]time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for namespace, components := range downs {
		for component, at := range components {
			l.charge(namespace, component, at)
		}
		if l.tenants[namespace] == nil {
			l.tenants[namespace] = &tenant{}
		}
	}
	l.loaded = true
}

// Observe takes down how a tenant stands at a time.
func (l *Ledger) Observe(now time.Time, namespace string, s Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[namespace]
	if t == nil {
		t = &tenant{}
		l.tenants[namespace] = t
	}
	t.blind = s.Blind
	switch {
	case !s.Wants:
		t.wantsSince = time.Time{}
	case t.wantsSince.IsZero():
		t.wantsSince = now
	}
	for component, at := range s.Downs {
		l.charge(namespace, component, at)
	}
}

// Forget drops a tenant that is gone. What it has spent stays spent.
func (l *Ledger) Forget(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tenants, namespace)
}

func (l *Ledger) charge(namespace, component string, at time.Time) {
	key := [2]string{namespace, component}
	if at.After(l.spent[key]) {
		l.spent[key] = at
	}
}

// Fleet says what holds for all tenants at a time.
func (l *Ledger) Fleet(now time.Time) plan.Fleet {
	l.mu.Lock()
	defer l.mu.Unlock()
	var f plan.Fleet
	if !l.loaded {
		f.Brake, f.BrakeReason = decision.ReasonFleetBlind, "what the fleet did before is not known yet"
		return f
	}
	f.Brake, f.BrakeReason = l.brake(now)
	if used, most := l.used(now), l.most(); used >= most {
		f.BudgetSpent = fmt.Sprintf("%d of the %d scale-downs that the fleet may have within %s are spent", used, most, l.settings.Window)
	}
	return f
}

func (l *Ledger) brake(now time.Time) (decision.Reason, string) {
	all := len(l.tenants)
	if all < fewTenants {
		return "", ""
	}
	blind, agree := 0, 0
	for _, t := range l.tenants {
		if t.blind {
			blind++
		}
		if !t.wantsSince.IsZero() && now.Sub(t.wantsSince) < l.settings.Window {
			agree++
		}
	}
	switch {
	case blind*100 > l.settings.MaxBlindPercent*all:
		return decision.ReasonFleetBlind, fmt.Sprintf("%d of %d tenants lack signals, more than %d%%: nothing shrinks anywhere", blind, all, l.settings.MaxBlindPercent)
	case agree*100 > l.settings.MaxAgreePercent*all:
		return decision.ReasonFleetAgrees, fmt.Sprintf("%d of %d tenants began to want less within %s, more than %d%%: an error of measurement is likelier, so nothing shrinks until that is over", agree, all, l.settings.Window, l.settings.MaxAgreePercent)
	default:
		return "", ""
	}
}

// used counts what is spent within the window, and forgets what is older.
func (l *Ledger) used(now time.Time) (n int) {
	for key, at := range l.spent {
		if now.Sub(at) >= l.settings.Window {
			delete(l.spent, key)
			continue
		}
		n++
	}
	return n
}

func (l *Ledger) most() int {
	return max(l.settings.Minimum, len(l.tenants)*l.settings.MaxPercent/100)
}

// Spend charges a scale-down that is about to begin, and tells whether the budget had room for it. One that was charged
// within the window for the same component at the same time costs nothing more.
func (l *Ledger) Spend(now time.Time, namespace, component string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded || l.used(now) >= l.most() {
		return false
	}
	l.charge(namespace, component, now)
	return true
}
