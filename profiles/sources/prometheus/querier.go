package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles/sources/answer"
)

// Querier asks instant queries of any kind, for readers that have queries of their own. It has the client of a Source:
// credentials, bounds, streaming, and a server that is in trouble is left alone for a while. It is safe for concurrent use.
//
// Of the settings those about queries of a Source mean nothing here: Window, Step, WithoutPageCache, MaxPoints. A caller
// bounds its queries itself: QueriesPerMinute means nothing either.
type Querier struct {
	settings Settings
	client   *client
}

// NewQuerier makes a Querier. It sends nothing.
//
// Errors: settings that are wrong, with all that is; files that cannot be read.
func NewQuerier(settings Settings, now clock.PassiveClock) (*Querier, error) {
	settings = settings.withDefaults()
	settings.QueriesPerMinute = math.MaxInt32
	if err := settings.validate(); err != nil {
		return nil, fmt.Errorf("the settings of prometheus: %w", err)
	}
	c, err := newClient(settings, newBudget(settings.QueriesPerMinute, now))
	if err != nil {
		return nil, err
	}
	c.spares = AtFault
	return &Querier{settings: settings, client: c}, nil
}

// Row is one row of an answer: a value at the time for which the query was evaluated. The value may be NaN or infinite.
type Row struct {
	Labels map[string]string
	At     time.Time
	Value  float64
}

// Answer is what there is to say of an answer as a whole.
type Answer struct {
	// Rows are how many were given; Malformed how many could not be read.
	Rows, Malformed int
	// Warnings are the source's own words, such as that a part of it did not answer.
	Warnings []string
}

// Query asks one instant query and gives the rows of its answer one by one. What was given before an error counts.
//
// Errors: one that is sources.ErrHeld, where the server is left alone after failures; one that is [AtFault]; others, which
// say that the server is in trouble.
func (q *Querier) Query(ctx context.Context, promQL string, yield func(Row)) (Answer, error) {
	var a Answer
	if err := q.client.budget.take(1, 0); err != nil {
		return a, err
	}
	err := q.client.query(ctx, "/api/v1/query", url.Values{"query": {promQL}}, func(body io.Reader) error {
		words, err := decodeRows(body, vector, func(d *json.Decoder) error { return q.row(d, &a, yield) })
		a.Warnings = words
		return err
	})
	return a, err
}

func (q *Querier) row(d *json.Decoder, a *Answer, yield func(Row)) error {
	var row struct {
		Metric map[string]string `json:"metric"`
		Value  point             `json:"value"`
	}
	mistyped, err := answer.Decode(d, &row)
	if err != nil {
		return err
	}
	if a.Rows+a.Malformed == q.settings.MaxSeries {
		return fmt.Errorf("%w: more than %d series", errTooMuch, q.settings.MaxSeries)
	}
	if mistyped || !row.Value.ok {
		a.Malformed++
		return nil
	}
	a.Rows++
	yield(Row{Labels: row.Metric, At: row.Value.at, Value: row.Value.value})
	return nil
}

// AtFault tells whether a query failed for a reason of its own, so that others may be asked: the server cannot read it or
// carry it out, or its answer is too large.
func AtFault(err error) bool {
	if errors.Is(err, errTooMuch) || errors.Is(err, answer.ErrTooLarge) {
		return true
	}
	var r *refusal
	return errors.As(err, &r) && (r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity)
}

// Selector gives the matchers of the settings as they stand between the braces of a query: `cluster="eu",namespace=~"t-.*"`.
func (s Settings) Selector() string {
	var parts []string
	for _, m := range s.Matchers {
		parts = append(parts, matcher(m.Label, m.Op, m.Value))
	}
	return strings.Join(parts, ",")
}
