package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	commonconfig "github.com/prometheus/common/config"

	"github.com/metapilot/metapilot/profiles/sources/answer"
)

// client sends queries. It is safe for concurrent use.
type client struct {
	http     *http.Client
	api      api.Client
	timeout  time.Duration
	maxBytes int64
	budget   *budget
	// spares tells which failures are no reason to leave the server alone; nil: none.
	spares func(error) bool
}

func newClient(s Settings, b *budget) (*client, error) {
	transport := s.transport()
	if err := transport.Validate(); err != nil {
		return nil, fmt.Errorf("setting up the client of prometheus: %w", err)
	}
	httpClient, err := commonconfig.NewClientFromConfig(transport, "metapilot", commonconfig.WithUserAgent("metapilot"))
	if err != nil {
		return nil, fmt.Errorf("setting up the client of prometheus: %w", err)
	}
	// The library knows the addresses of the API. Its own reading of answers does not stream.
	apiClient, err := api.NewClient(api.Config{Address: s.Address, Client: httpClient})
	if err != nil {
		return nil, fmt.Errorf("setting up the client of prometheus: %w", err)
	}
	return &client{http: httpClient, api: apiClient, timeout: s.Timeout, maxBytes: s.MaxBytes, budget: b}, nil
}

// query sends one query, whose price was taken from the budget, and reads its answer.
func (c *client) query(ctx context.Context, path string, form url.Values, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("prometheus did not answer within %s: %w", c.timeout, context.DeadlineExceeded))
	defer cancel()
	form.Set("timeout", fmt.Sprintf("%dms", c.timeout.Milliseconds())) // so that it does not work on in vain
	retryAfter, err := c.send(ctx, path, form, read)
	switch {
	case err == nil:
		c.budget.succeeded()
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return err // by the caller, which says nothing of the source
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if c.spares != nil && c.spares(err) {
		c.budget.succeeded()
		return err
	}
	c.budget.failed(retryAfter)
	return err
}

func (c *client) send(ctx context.Context, path string, form url.Values, read func(io.Reader) error) (retryAfter time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.api.URL(path, nil).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, fmt.Errorf("asking prometheus: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking prometheus: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return retryAfterOf(response), refusalOf(response)
	}
	if err := read(answer.Bounded(response.Body, c.maxBytes)); err != nil {
		return 0, err
	}
	// Read to the end, so that the connection is used again; an answer that goes on and on is not worth that.
	_, err = io.CopyN(io.Discard, response.Body, 4<<10)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return 0, err
}

// refusalOf reads why a query was refused: the API's own words, or the first ones of a page of HTML.
func refusalOf(response *http.Response) error {
	content, err := io.ReadAll(io.LimitReader(response.Body, 4<<10)) // only to explain the status
	if err != nil {
		content = []byte(err.Error())
	}
	r := &refusal{status: response.StatusCode, message: clip(strings.TrimSpace(string(content)))}
	var said struct {
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}
	if err := json.Unmarshal(content, &said); err == nil && said.Error != "" {
		r.kind, r.message = clip(said.ErrorType), clip(said.Error)
	}
	if r.message == "" {
		r.message = http.StatusText(r.status)
	}
	return r
}

// retryAfterOf reads the header Retry-After in its form of seconds.
func retryAfterOf(response *http.Response) time.Duration {
	s, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(s) * time.Second
}
