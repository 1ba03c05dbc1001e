package sources

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

// metricsServerMaxAge is for how long a measurement of metrics-server is worth anything: it keeps only the latest one, and
// measures every 15 s to 60 s. One that is older is of a node that does not answer.
const metricsServerMaxAge = 5 * time.Minute

// MetricsServer gives what metrics.k8s.io has, by the reader of package usage: one request.
func MetricsServer(read usage.Source, now clock.PassiveClock) Source {
	return &metricsServer{read: read, clock: now}
}

type metricsServer struct {
	read  usage.Source
	clock clock.PassiveClock
}

// Name is "metrics-server".
func (*metricsServer) Name() string { return "metrics-server" }

// Read gives the latest measurements.
func (m *metricsServer) Read(ctx context.Context, yield func(Sample)) (Report, error) {
	report := Report{Queries: 1}
	read := 0
	err := m.read(ctx, func(r usage.Reading) {
		read++
		m.take(&report, r, yield)
	})
	if err == nil && read == 0 {
		report.Miss(ReasonEmpty, 1)
	}
	return report, err
}

// take gives a reading's values as exactly as they were written.
func (m *metricsServer) take(report *Report, r usage.Reading, yield func(Sample)) {
	if r.MeasuredAt.Unix() <= 0 {
		report.Miss(ReasonNoTimestamp, 1)
		return
	}
	s := Sample{
		Namespace: r.Namespace, Container: r.Container, Window: r.Window,
		Sample: profiles.Sample{At: r.MeasuredAt, Replica: r.Pod},
	}
	if cpu, result := r.MilliCPU(); result == usage.ResultOK {
		s.CPU = size.Of(cpu)
	} else {
		report.Miss(Reason(result), 1)
	}
	if memory, result := r.Bytes(); result == usage.ResultOK {
		s.Memory = size.Of(memory)
	} else {
		report.Miss(Reason(result), 1)
	}
	report.Give(s, m.clock.Now(), metricsServerMaxAge, yield)
}
