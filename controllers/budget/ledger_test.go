package budget

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

var hourly = Settings{Window: time.Hour, MaxPercent: 5, Minimum: 1, MaxBlindPercent: 20, MaxAgreePercent: 50}

// fleet is a loaded ledger of n tenants that stand like this since long ago.
func fleet(n int, s Standing) *Ledger {
	l := New(hourly)
	l.Load(nil)
	for i := range n {
		l.Observe(noon.Add(-24*time.Hour), fmt.Sprint("t", i), s)
	}
	return l
}

func TestNothingPassesBeforeTheFleetIsKnown(t *testing.T) {
	l := New(hourly)
	if f := l.Fleet(noon); f.Brake != decision.ReasonFleetBlind || l.Spend(noon, "a", "etcd") {
		t.Errorf("brake %q, and a scale-down was let pass", f.Brake)
	}
}

func TestARestartForgetsNothingThatWasSpent(t *testing.T) {
	l := New(hourly)
	downs := map[string]map[string]time.Time{}
	for i := range 100 {
		downs[fmt.Sprint("t", i)] = map[string]time.Time{}
	}
	for i := range 5 {
		downs[fmt.Sprint("t", i)]["etcd"] = noon.Add(-59 * time.Minute)
	}
	l.Load(downs)
	if f := l.Fleet(noon); !strings.Contains(f.BudgetSpent, "5 of the 5") || l.Spend(noon, "t9", "etcd") {
		t.Errorf("spent: %q", f.BudgetSpent)
	}
	later := noon.Add(time.Minute)
	if f := l.Fleet(later); f.BudgetSpent != "" || !l.Spend(later, "t9", "etcd") {
		t.Errorf("an hour after they were spent: %q", f.BudgetSpent)
	}
}

func TestTheBudgetIsNeverExceededHoweverManyAskAtOnce(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		tenants := 20 + r.IntN(400)
		l := fleet(tenants, Standing{})
		var begun []time.Time
		now := noon
		for range 30 {
			now = now.Add(time.Duration(r.IntN(20)) * time.Minute)
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 40 {
				all.Go(func() {
					if l.Spend(now, fmt.Sprint("t", i), fmt.Sprint("c", now.Unix())) {
						mu.Lock()
						defer mu.Unlock()
						begun = append(begun, now)
					}
				})
			}
			all.Wait()
			within := 0
			for _, at := range begun {
				if now.Sub(at) < time.Hour {
					within++
				}
			}
			if most := max(1, tenants*5/100); within > most {
				t.Fatalf("seed %d: %d of %d tenants within an hour, more than %d", seed, within, tenants, most)
			}
		}
		if len(begun) == 0 {
			t.Errorf("seed %d: nothing ever passed", seed)
		}
	}
}

func TestTheBrakeHoldsWhenTooManyTenantsAreBlindOrAgreeAtOnce(t *testing.T) {
	standing := func(l *Ledger, at time.Time, from, to int, s Standing) *Ledger {
		for i := from; i < to; i++ {
			l.Observe(at, fmt.Sprint("t", i), s)
		}
		return l
	}
	for name, tc := range map[string]struct {
		ledger *Ledger
		want   decision.Reason
	}{
		"all is well":                   {fleet(100, Standing{}), ""},
		"a fifth is blind":              {standing(fleet(100, Standing{}), noon, 0, 20, Standing{Blind: true}), ""},
		"more than a fifth is blind":    {standing(fleet(100, Standing{}), noon, 0, 21, Standing{Blind: true}), decision.ReasonFleetBlind},
		"blind tenants that see again":  {standing(standing(fleet(100, Standing{}), noon, 0, 21, Standing{Blind: true}), noon, 0, 5, Standing{}), ""},
		"all of a small fleet is blind": {fleet(9, Standing{Blind: true}), ""},
		"more than half agree at once":  {standing(fleet(100, Standing{}), noon, 0, 51, Standing{Wants: true}), decision.ReasonFleetAgrees},
		"all have wanted for long":      {standing(fleet(100, Standing{Wants: true}), noon, 0, 100, Standing{Wants: true}), ""},
		"blind ones that are gone": {func() *Ledger {
			l := standing(fleet(100, Standing{}), noon, 0, 21, Standing{Blind: true})
			l.Forget("t0")
			l.Forget("t1")
			return l
		}(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if f := tc.ledger.Fleet(noon); f.Brake != tc.want {
				t.Errorf("brake %q (%s), want %q", f.Brake, f.BrakeReason, tc.want)
			}
		})
	}
}
