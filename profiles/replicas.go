package profiles

import "github.com/metapilot/metapilot/size"

const (
	// replicasKept is how many replicas are compared. Control planes have one to five; of more, the hottest stay.
	replicasKept = 4
	// replicaGone is for how many seconds a replica without samples is remembered.
	replicaGone = hour
	// replicaSmoothing is the share of a new sample in a replica's average: half of it is of the last 22 samples.
	replicaSmoothing = 1.0 / 32
	// hotPercent is how much more than the others' average a replica uses to be called hot.
	hotPercent = 25
	// nameKept bounds a replica's name in memory; it is a pod's name, which Kubernetes bounds at 253.
	nameKept = 253
)

// replicas is the average usage of each of the live replicas, to name the hot one. Sizes do not come from it: the
// highest replica of every tick is what the histogram and the peaks have.
type replicas []replica

type replica struct {
	name    string
	last    int64
	average [resources]float32 // below zero: unknown
}

func (l *replicas) add(name string, at int64, values [resources]size.Opt[float64]) {
	if name == "" || len(name) > nameKept {
		return
	}
	entry := l.entry(name, at, values)
	if entry == nil {
		return
	}
	entry.last = max(entry.last, at)
	for r, v := range values {
		v, ok := v.Get()
		switch {
		case !ok:
		case entry.average[r] < 0:
			entry.average[r] = float32(v)
		default:
			entry.average[r] += (float32(v) - entry.average[r]) * replicaSmoothing
		}
	}
}

// entry gives the replica's entry, made where there is none; nil where all entries are of hotter replicas.
func (l *replicas) entry(name string, at int64, values [resources]size.Opt[float64]) *replica {
	for i := range *l {
		if (*l)[i].name == name {
			return &(*l)[i]
		}
	}
	fresh := replica{name: name, average: [resources]float32{-1, -1}}
	for i := range *l {
		if (*l)[i].last < at-replicaGone {
			(*l)[i] = fresh
			return &(*l)[i]
		}
	}
	if len(*l) < replicasKept {
		if len(*l) == cap(*l) { // append would double it
			*l = append(make(replicas, 0, len(*l)+1), *l...)
		}
		*l = append(*l, fresh)
		return &(*l)[len(*l)-1]
	}
	coolest := &(*l)[0]
	for i := range *l {
		if (*l)[i].average[memory] < coolest.average[memory] {
			coolest = &(*l)[i]
		}
	}
	if v, ok := values[memory].Get(); !ok || float32(v) <= coolest.average[memory] {
		return nil
	}
	*coolest = fresh
	return coolest
}

// Hot is a replica that uses markedly more than the others.
type Hot struct {
	Replica string
	// Resource is "cpu" or "memory", whichever stands out more.
	Resource string
	// Percent is by how much its average is above the average of the others.
	Percent int32
}

// hot gives the replica that stands out; false where none does, or there is only one.
func (l replicas) hot(now int64) (Hot, bool) {
	var hottest Hot
	for r := range resources {
		var sum float64
		var n int
		top := -1
		for i, x := range l {
			if x.last < now-replicaGone || x.average[r] < 0 {
				continue
			}
			n++
			sum += float64(x.average[r])
			if top < 0 || x.average[r] > l[top].average[r] {
				top = i
			}
		}
		if n < 2 {
			continue
		}
		highest := float64(l[top].average[r])
		others := max((sum-highest)/float64(n-1), r.unit())
		if percent := int32(min((highest/others-1)*100, 1e6)); percent >= hotPercent && percent > hottest.Percent {
			hottest = Hot{Replica: l[top].name, Resource: r.String(), Percent: percent}
		}
	}
	return hottest, hottest.Replica != ""
}
