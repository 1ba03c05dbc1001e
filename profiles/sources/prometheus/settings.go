package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Settings are where a Prometheus is, and how it may be asked. The zero value of every field but Address has a default.
// Files are read again when they change.
type Settings struct {
	// Address is the URL below which the API is, such as "https://prometheus.monitoring:9090" or, of Mimir,
	// "https://mimir.monitoring/prometheus". Redirects are not followed: they would carry credentials elsewhere.
	Address string

	// BearerTokenFile holds a token that is sent with every request. Not together with BasicAuth.
	BearerTokenFile string
	// BasicAuth is sent with every request, unless its Username is "".
	BasicAuth BasicAuth
	// TLS is how the server is checked, and how it is shown who asks.
	TLS TLS
	// Headers are sent with every request, such as X-Scope-OrgID to a Mimir of several tenants.
	Headers []Header

	// Timeout for one query. Default 30 s.
	Timeout time.Duration
	// QueriesPerMinute is how many queries are sent at most, those for history included. Default 30, at least 6.
	QueriesPerMinute int

	// Matchers narrow what is asked for, such as the namespaces of tenants where these are a small part of what the source
	// knows, or the cluster where it knows several.
	Matchers []Matcher
	// Window is the time that one reading is about: the CPU is its average, the memory its peak. At least five times the
	// interval at which the source scrapes. Default 5 min.
	Window time.Duration
	// WithoutPageCache is a regular expression for the names of containers whose memory is counted without page cache.
	// Default "etcd"; "-" matches none.
	WithoutPageCache string
	// Step is the time between two points of the history. At least Window is advised; default 5 min.
	Step time.Duration

	// MaxBytes bounds the answer to one query, MaxSeries the containers in it, MaxPoints the points of one chunk of
	// history. Defaults: 128 MiB, 500,000, 2,000,000.
	MaxBytes  int64
	MaxSeries int
	MaxPoints int
}

// BasicAuth is a name and a password.
type BasicAuth struct {
	Username, PasswordFile string
}

// TLS are files in PEM, and the name in the server's certificate where it is not that of the address.
type TLS struct {
	CAFile, CertFile, KeyFile string
	ServerName                string
}

// Header is a header with its value, or with a file that holds it.
type Header struct {
	Name, Value, ValueFile string
}

// Matcher narrows a query by a label.
type Matcher struct {
	Label string
	Op    Op
	Value string
}

// Op is how a label is compared.
type Op string

// The ways to compare. A regular expression is anchored at both ends.
const (
	Equal      Op = "="
	NotEqual   Op = "!="
	Matches    Op = "=~"
	MatchesNot Op = "!~"
)

const (
	// maxPointsPerSeries is Prometheus' bound for a range query (web/api/v1: "exceeded maximum resolution of 11,000 points").
	maxPointsPerSeries = 11_000
	// presentQueries is how many queries one reading of the present takes.
	presentQueries = 3
	// none is WithoutPageCache for no container; no container's name is a dash.
	none = "-"
)

func (s Settings) withDefaults() Settings {
	orDefault(&s.Timeout, 30*time.Second)
	orDefault(&s.QueriesPerMinute, 30)
	orDefault(&s.Window, 5*time.Minute)
	orDefault(&s.WithoutPageCache, "etcd")
	orDefault(&s.Step, 5*time.Minute)
	orDefault(&s.MaxBytes, 128<<20)
	orDefault(&s.MaxSeries, 500_000)
	orDefault(&s.MaxPoints, 2_000_000)
	return s
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate says everything that is wrong.
func (s Settings) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	address, err := url.Parse(s.Address)
	switch {
	case err != nil:
		wrong("address: %w", err)
	case address.Scheme != "http" && address.Scheme != "https" || address.Host == "":
		wrong("address %q: must be http://HOST or https://HOST", s.Address)
	case address.User != nil:
		wrong("address: must not hold a password; use basicAuth")
	case address.RawQuery != "" || address.Fragment != "":
		wrong("address %q: must end with a path", s.Address)
	}
	if s.BearerTokenFile != "" && s.BasicAuth.Username != "" {
		wrong("bearerTokenFile and basicAuth: only one can be sent")
	}
	for _, m := range s.Matchers {
		errs = append(errs, m.validate())
	}
	if _, err := regexp.Compile(s.WithoutPageCache); err != nil {
		wrong("withoutPageCache: %w", err)
	}
	if s.Timeout < 0 {
		wrong("timeout %s: must be above 0", s.Timeout)
	}
	if s.QueriesPerMinute < 2*presentQueries {
		wrong("queriesPerMinute %d: must be %d or more, for one reading takes %d", s.QueriesPerMinute, 2*presentQueries, presentQueries)
	}
	if s.Window < 5*time.Second || s.Window%time.Second != 0 {
		wrong("window %s: must be whole seconds, 5s or more", s.Window)
	}
	if s.Step < 5*time.Second || s.Step%time.Second != 0 {
		wrong("step %s: must be whole seconds, 5s or more", s.Step)
	}
	if s.MaxBytes < 1<<10 || s.MaxSeries < 1 {
		wrong("maxBytes and maxSeries: must be above 0")
	}
	if s.MaxPoints < s.MaxSeries {
		wrong("maxPoints %d: must be maxSeries (%d) or more, for each has a point", s.MaxPoints, s.MaxSeries)
	}
	return errors.Join(errs...)
}

func (m Matcher) validate() error {
	if !model.LegacyValidation.IsValidLabelName(m.Label) {
		return fmt.Errorf("matchers: %q is no label", m.Label)
	}
	switch m.Op {
	case Equal, NotEqual:
		return nil
	case Matches, MatchesNot:
		if _, err := regexp.Compile(m.Value); err != nil {
			return fmt.Errorf("matchers: %s: %w", m.Label, err)
		}
		return nil
	default:
		return fmt.Errorf("matchers: %s: %q is none of = != =~ !~", m.Label, m.Op)
	}
}

// transport is what the library's HTTP client needs.
func (s Settings) transport() commonconfig.HTTPClientConfig {
	c := commonconfig.HTTPClientConfig{
		EnableHTTP2: true,
		TLSConfig: commonconfig.TLSConfig{
			CAFile: s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, ServerName: s.TLS.ServerName,
		},
	}
	if s.BearerTokenFile != "" {
		c.Authorization = &commonconfig.Authorization{Type: "Bearer", CredentialsFile: s.BearerTokenFile}
	}
	if s.BasicAuth.Username != "" {
		c.BasicAuth = &commonconfig.BasicAuth{Username: s.BasicAuth.Username, PasswordFile: s.BasicAuth.PasswordFile}
	}
	if len(s.Headers) > 0 {
		c.HTTPHeaders = &commonconfig.Headers{Headers: map[string]commonconfig.Header{}}
	}
	for _, h := range s.Headers {
		header := c.HTTPHeaders.Headers[h.Name]
		if h.ValueFile != "" {
			header.Files = append(header.Files, h.ValueFile)
		} else {
			header.Values = append(header.Values, h.Value)
		}
		c.HTTPHeaders.Headers[h.Name] = header
	}
	return c
}
