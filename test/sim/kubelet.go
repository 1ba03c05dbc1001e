package sim

import (
	"fmt"
	"time"

	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// The kubelet's: the first restart happens in the sync after the end, later ones after 10 s doubling to 300 s
// (pkg/kubelet/kubelet.go: MaxCrashLoopBackOff, initialBackoff), and the back-off is forgotten after ten good minutes.
const (
	syncPeriod     = time.Second
	firstBackoff   = 10 * time.Second
	longestBackoff = 300 * time.Second
	backoffForgets = 10 * time.Minute
)

// container is the main container of one replica, as its kubelet sees it.
type container struct {
	uid, pod string
	limit    size.Bytes
	request  size.Opt[size.Bytes]

	incarnation int32
	startedAt   time.Time
	state, last size.Opt[oom.Termination]
	backoff     time.Duration
	restartAt   time.Time

	// resize that was accepted and is actuated at a time.
	resize   size.Size
	resizeAt size.Opt[time.Time]

	// reported is what the API server shows; the kubelet reports the newest state only, at most every so often.
	reported   oom.Sighting
	reportedAt time.Time
	// dirty: something has happened since the last report.
	dirty bool
	// news: the watch has not yet brought what is reported to the manager.
	news bool
}

// step lets time pass to now and tells what happened.
func (c *container) step(now time.Time, demand size.Bytes, nodeKills bool) (events []string) {
	if at, ok := c.resizeAt.Get(); ok && !now.Before(at) {
		c.limit, c.request, c.resizeAt = c.resize.Limits.Memory.Or(c.limit), c.resize.Requests.Memory, size.Opt[time.Time]{}
		c.dirty = true
		c.backoff, c.restartAt = 0, earlier(c.restartAt, now) // the back-off's key contains the container's resources
		events = append(events, fmt.Sprintf("runs with %s", c.limit))
	}
	if c.ended() && !now.Before(c.restartAt) {
		c.last, c.state = c.state, size.Opt[oom.Termination]{}
		c.incarnation++
		c.dirty = true
		c.startedAt = now
		return append(events, fmt.Sprintf("started, restart %d", c.incarnation))
	}
	if c.ended() {
		return events
	}
	switch {
	case nodeKills:
		c.kill(now)
		events = append(events, fmt.Sprintf("killed by its node: uses %s of %s", demand, c.limit))
	case demand > c.limit:
		c.kill(now)
		events = append(events, fmt.Sprintf("killed: needs %s, has %s", demand, c.limit))
	}
	return events
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (c *container) ended() bool { return c.state.Present() }

func (c *container) id() string { return fmt.Sprintf("containerd://%s-%d", c.uid, c.incarnation) }

func (c *container) kill(now time.Time) {
	if now.Sub(c.startedAt) > backoffForgets {
		c.backoff = 0
	}
	c.dirty = true
	c.state = size.Of(oom.Termination{ContainerID: c.id(), Reason: "OOMKilled", ExitCode: 137, FinishedAt: now.Truncate(time.Second)})
	c.restartAt = now.Add(max(c.backoff, syncPeriod))
	c.backoff = min(max(2*c.backoff, firstBackoff), longestBackoff)
}

// report updates what the API server shows, if that is due.
func (c *container) report(now time.Time, every time.Duration) {
	if now.Sub(c.reportedAt) < every || !c.dirty {
		return
	}
	c.reportedAt, c.dirty = now, false
	s := oom.Sighting{PodUID: c.uid, Pod: c.pod, Container: containerName, RestartCount: c.incarnation, ContainerID: c.id(),
		State: c.state, Last: c.last, Limit: size.Of(c.limit), Request: c.request}
	if t, ok := c.state.Get(); ok && now.Sub(t.FinishedAt) > 2*syncPeriod { // CrashLoopBackOff
		s.State, s.Last = size.Opt[oom.Termination]{}, c.state
	} else {
		c.dirty = ok // to be reported again when it waits
	}
	c.news = c.news || s != c.reported
	c.reported = s
}
