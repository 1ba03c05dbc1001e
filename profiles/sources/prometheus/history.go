package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/answer"
)

// errTooMuch says that an answer has more than is read of one.
var errTooMuch = errors.New("the answer has too much")

const (
	// firstPoints is the length of the first chunk, in points: how many series there are is not known yet.
	firstPoints = 12
	// growth bounds how much longer than the last one a chunk may be, since each may also cost the server more.
	growth = 4
)

// Next reads the chunk of history at the cursor, oldest first. Its windows are as long as a step and do not overlap.
//
// A chunk that is too much for the source, or for us, is halved for the next try.
func (s *Source) Next(ctx context.Context, at sources.Cursor, yield func(sources.Sample)) (sources.Cursor, sources.Report, error) {
	points := s.pointsOf(at)
	if points == 0 { // what is left of the span is shorter than a step
		at.Next = at.Until
		return at, sources.Report{}, nil
	}
	if err := s.client.budget.take(presentQueries, presentQueries); err != nil {
		return at, sources.Report{}, err
	}
	step := s.settings.Step
	end := at.Next.Add(time.Duration(points) * step)
	r := reading{
		source: s, kind: matrix, path: "/api/v1/query_range", window: step, yield: yield,
		namespaces: at.Namespaces,
		form:       url.Values{"start": {unix(at.Next.Add(step))}, "end": {unix(end)}, "step": {seconds(step)}},
	}
	err := r.read(ctx)
	switch {
	case err == nil:
		at.Next = end
		at.Chunk = time.Duration(s.nextPoints(points, max(len(r.memory), len(r.cpu)))) * step
	case tooMuch(err):
		at.Chunk = time.Duration(max(points/2, 1)) * step
	}
	if err != nil {
		return at, r.report, fmt.Errorf("reading %s to %s: %w", at.Next.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339), err)
	}
	return at, r.report, nil
}

// pointsOf gives how many points the chunk at the cursor has for each series.
func (s *Source) pointsOf(at sources.Cursor) int {
	points := int64(firstPoints)
	if at.Chunk > 0 {
		points = int64(at.Chunk / s.settings.Step)
	}
	left := int64(at.Until.Sub(at.Next) / s.settings.Step)
	return int(max(min(max(points, 1), maxPointsPerSeries, left), 0))
}

// nextPoints gives how many points the next chunk may have, so that all series together keep to the bound.
func (s *Source) nextPoints(points, series int) int {
	return max(min(s.settings.MaxPoints/max(series, 1), growth*points, maxPointsPerSeries), 1)
}

// tooMuch tells whether a shorter chunk may do better.
func tooMuch(err error) bool {
	if errors.Is(err, errTooMuch) || errors.Is(err, answer.ErrTooLarge) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	switch r.status {
	case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true // 422 is "too many samples", 503 also a timeout within Prometheus
	default:
		return false
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
