package prometheus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/metapilot/metapilot/profiles/sources/answer"
)

const (
	// How much of what a source says in words is kept.
	maxWarnings    = 20
	maxWordsLength = 300
)

// series is one row of an answer: a container of a pod, with a point or with points.
type series struct {
	Metric struct {
		Namespace string `json:"namespace"`
		Pod       string `json:"pod"`
		Container string `json:"container"`
	} `json:"metric"`
	Value  point   `json:"value"`
	Values []point `json:"values"`
}

// point is a value at a time. One that cannot be read is not ok.
type point struct {
	at    time.Time
	value float64
	ok    bool
}

// UnmarshalJSON reads [1795598068.331,"16777216"]. It never fails: a point that cannot be read is one that is not known.
func (p *point) UnmarshalJSON(raw []byte) error {
	*p = point{}
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '[' || raw[len(raw)-1] != ']' {
		return nil
	}
	at, value, found := bytes.Cut(raw[1:len(raw)-1], []byte(","))
	if !found {
		return nil
	}
	unix, err := strconv.ParseFloat(string(bytes.TrimSpace(at)), 64)
	if err != nil || math.IsNaN(unix) || math.Abs(unix) > 1e11 {
		return nil
	}
	value = bytes.TrimSpace(value)
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return nil
	}
	p.value, err = strconv.ParseFloat(string(value[1:len(value)-1]), 64)
	p.at, p.ok = time.UnixMilli(int64(math.Round(unix*1000))).UTC(), err == nil
	return nil
}

// kind is the shape of an answer.
type kind string

const (
	vector kind = "vector" // of a query: rows of one point
	matrix kind = "matrix" // of a range query: rows of points
)

// decode reads an answer of containers as a stream and gives its rows one by one; nil is a row that cannot be read. What was
// given before an error counts. The words are the source's warnings.
func decode(r io.Reader, want kind, row func(*series) error) (words []string, err error) {
	return decodeRows(r, want, func(d *json.Decoder) error { return decodeRow(d, row) })
}

// decodeRows reads an answer as a stream; read reads one row from the decoder.
func decodeRows(r io.Reader, want kind, read func(*json.Decoder) error) (words []string, err error) {
	d := json.NewDecoder(r)
	var status, errorType, message, got string
	answered := false
	err = answer.Fields(d, func(field string) error {
		switch field {
		case "status":
			return d.Decode(&status)
		case "errorType":
			return d.Decode(&errorType)
		case "error":
			return d.Decode(&message)
		case "warnings":
			return answer.Items(d, func() error { return appendWords(d, &words) })
		case "data":
			answered = true
			return answer.Fields(d, func(field string) error {
				switch field {
				case "resultType":
					return d.Decode(&got)
				case "result":
					return answer.Items(d, func() error { return read(d) })
				default:
					return answer.Skip(d)
				}
			})
		default:
			return answer.Skip(d)
		}
	})
	switch {
	case err != nil:
		return words, fmt.Errorf("reading the answer: %w", err)
	case status != "success":
		return words, &refusal{kind: clip(errorType), message: clip(message)}
	case !answered:
		return words, errors.New("reading the answer: it has no data")
	case got != string(want):
		return words, fmt.Errorf("reading the answer: it is a %q, not a %s", clip(got), want)
	}
	return words, nil
}

func decodeRow(d *json.Decoder, row func(*series) error) error {
	var s series
	mistyped, err := answer.Decode(d, &s)
	if err != nil {
		return err
	}
	if mistyped || s.Metric.Namespace == "" || s.Metric.Pod == "" || s.Metric.Container == "" {
		return row(nil)
	}
	return row(&s)
}

func appendWords(d *json.Decoder, words *[]string) error {
	var w string
	if _, err := answer.Decode(d, &w); err != nil {
		return err
	}
	if len(*words) < maxWarnings {
		*words = append(*words, clip(w))
	}
	return nil
}

// clip shortens what a source says, for logs.
func clip(s string) string {
	if len(s) > maxWordsLength {
		return s[:maxWordsLength] + "…"
	}
	return s
}

// refusal is an answer that says why there is none.
type refusal struct {
	status        int // of HTTP; 0 where it was a success
	kind, message string
}

func (r *refusal) Error() string {
	switch {
	case r.status == 0:
		return fmt.Sprintf("prometheus answers %q: %s", r.kind, r.message)
	case r.kind == "":
		return fmt.Sprintf("prometheus answers %d: %s", r.status, r.message)
	default:
		return fmt.Sprintf("prometheus answers %d (%s): %s", r.status, r.kind, r.message)
	}
}
