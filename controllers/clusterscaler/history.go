package clusterscaler

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// maxAnswered is how many answered kills the status keeps: the newest. A pod shows at most two kills of a container at a
// time, so this covers a component of 32 replicas.
const maxAnswered = 64

// day is the time over which increases are counted.
const day = 24 * time.Hour

// readHistory is what the status remembers, in the terms of plan.
func (c *component) readHistory() plan.History {
	h := plan.History{Reverts: int(or(c.status.RevertCount, 0))}
	if c.record != nil && !c.record.Settled() {
		h.ChangeInProgress = c.record.Name
	}
	for _, at := range []*metav1.MicroTime{c.status.LastScaleUpTime, c.status.LastScaleDownTime} {
		if at != nil && at.After(h.LastChange.Or(time.Time{})) {
			h.LastChange = size.Of(at.Time)
		}
	}
	if c.status.LastTroubleTime != nil {
		h.LastTrouble = size.Of(c.status.LastTroubleTime.Time)
	}
	h.Undone = int(or(c.status.UndoneCount, 0))
	if c.record != nil && c.record.Spec.Verdict == decision.VerdictScaleDown {
		h.Watched = size.Of(plan.WatchedDown{Record: c.record.Name, From: sizes.FromAPI(&c.record.Spec.From)})
	}
	for _, t := range c.status.IncreaseTimes {
		h.Increases = append(h.Increases, t.Time)
	}
	memory := c.status.OOM
	if memory == nil {
		return h
	}
	if memory.LastKillTime != nil {
		h.LastAnswer, h.Repeats = size.Of(memory.LastKillTime.Time), int(or(memory.Repeats, 0))
	}
	if f := memory.Floor; f != nil {
		given, known := sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{Memory: &f.Memory}).Memory.Get()
		killedAt, known2 := sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{Memory: &f.KilledAt}).Memory.Get()
		if known && known2 {
			h.Floor = size.Of(estimators.Floor{Memory: given, KilledAt: killedAt, Since: f.Since.Time})
		}
	}
	return h
}

// answeredKill is a kill that the status remembers as answered.
type answeredKill struct {
	key         oom.Key
	container   oom.Container
	incarnation int32
	seen        bool
}

func (c *component) answered() []answeredKill {
	if c.status.OOM == nil {
		return nil
	}
	out := make([]answeredKill, 0, len(c.status.OOM.Answered))
	for _, k := range c.status.OOM.Answered {
		a := answeredKill{
			key:       oom.KeyOf(k.PodUID, k.Container, k.ContainerID, k.FinishedAt.Time),
			container: oom.Container{PodUID: k.PodUID, Name: k.Container},
		}
		if k.RestartCount != nil {
			a.incarnation, a.seen = *k.RestartCount, true
		}
		out = append(out, a)
	}
	return out
}

// noteAnswered remembers kills as answered.
func (c *component) noteAnswered(kills []oom.Kill) {
	if len(kills) == 0 {
		return
	}
	if c.status.OOM == nil {
		c.status.OOM = &v1alpha1.OOMStatus{}
	}
	list := c.status.OOM.Answered
	for _, k := range kills {
		if !slices.ContainsFunc(c.answered(), func(a answeredKill) bool { return a.key == k.Key }) {
			list = append(list, killToAPI(k))
			c.status.OOM.Answered = list
		}
	}
	if over := len(list) - maxAnswered; over > 0 {
		c.status.OOM.Answered = slices.Clone(list[over:])
	}
}

// noteAnswer remembers how the kills of a record are answered: that another one soon is a repeat, and, where memory may
// be used more of, the floor below which it may not fall again.
func (c *component) noteAnswer(record *v1alpha1.ScalingRecord) {
	evidence := record.Spec.Trigger.OOM
	if evidence == nil || len(evidence.Kills) == 0 {
		return
	}
	if c.status.OOM == nil {
		c.status.OOM = &v1alpha1.OOMStatus{}
	}
	c.noteTrouble(record.Spec.DecidedAt.Time)
	c.status.OOM.LastKillTime = new(metav1.NewTime(record.Spec.DecidedAt.Time))
	if last := evidence.Kills[len(evidence.Kills)-1].FinishedAt; last.Unix() > 0 { // else nobody knows when it was
		c.status.OOM.LastKillTime = last.DeepCopy()
	}
	c.status.OOM.Repeats = new(or(evidence.Repeats, 0))
	if !grew(record) {
		return
	}
	from, to := sizes.FromAPI(&record.Spec.From).Ceiling().Memory, sizes.FromAPI(&record.Spec.To).Ceiling().Memory
	c.status.OOM.Floor = &v1alpha1.OOMFloor{
		Memory:   memoryQuantity(to.Or(0)),
		KilledAt: memoryQuantity(from.Or(0)),
		Since:    metav1.NewTime(record.Spec.DecidedAt.Time),
	}
}

// noteTrouble remembers that the component was in trouble.
func (c *component) noteTrouble(at time.Time) {
	if c.status.LastTroubleTime == nil || at.After(c.status.LastTroubleTime.Time) {
		c.status.LastTroubleTime = new(metav1.NewTime(at))
	}
}

// noteResized remembers that a size was accepted for all replicas.
func (c *component) noteResized(record *v1alpha1.ScalingRecord, at metav1.MicroTime) {
	c.status.Desired = record.Spec.To.DeepCopy()
	c.status.Desired.Replicas = nil
	if record.Spec.Verdict == decision.VerdictScaleDown {
		c.status.LastScaleDownTime = &at
		return
	}
	c.status.LastScaleUpTime = &at
	kept := slices.DeleteFunc(c.status.IncreaseTimes, func(t metav1.Time) bool { return at.Sub(t.Time) >= day })
	if grew(record) {
		kept = append(kept, metav1.NewTime(at.Time))
	}
	if over := len(kept) - maxAnswered; over > 0 {
		kept = slices.Clone(kept[over:])
	}
	c.status.IncreaseTimes = kept
}

func grew(record *v1alpha1.ScalingRecord) bool {
	from, to := sizes.FromAPI(&record.Spec.From), sizes.FromAPI(&record.Spec.To)
	return to.Ceiling().Memory.Or(0) > from.Ceiling().Memory.Or(0)
}

// needNoAnswer gives the kills whose class says that nothing is to be done for them.
func (c *component) needNoAnswer() []oom.Kill {
	var out []oom.Kill
	for _, k := range c.judged {
		switch k.Class {
		case decision.KillNotOOM, decision.KillReplaced, decision.KillOutlived:
			out = append(out, k)
		}
	}
	return out
}

func killToAPI(k oom.Kill) v1alpha1.OOMKill {
	out := v1alpha1.OOMKill{
		PodUID:       k.PodUID,
		Container:    k.Container,
		ContainerID:  k.ContainerID,
		Pod:          k.Pod,
		FinishedAt:   metav1.NewTime(k.FinishedAt),
		RestartCount: new(k.Incarnation),
		Class:        k.Class,
	}
	if k.Missed > 0 {
		out.MissedRestarts = new(k.Missed)
	}
	return out
}

func memoryQuantity(b size.Bytes) resource.Quantity {
	return *resource.NewQuantity(int64(b), resource.BinarySI)
}
