package usage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/metapilot/metapilot/profiles/sources/answer"
)

// text is a JSON string, or the text of any other JSON value: a quantity may be written as a number.
type text string

// UnmarshalJSON never fails: what cannot be read is left to the judgement.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = text(raw)
	if s, err := strconv.Unquote(string(raw)); err == nil {
		*t = text(s)
	}
	if *t == "null" {
		*t = ""
	}
	return nil
}

// podMetrics is what is read of an item of a metrics.k8s.io/v1beta1 PodMetricsList.
type podMetrics struct {
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Timestamp  text `json:"timestamp"`
	Window     text `json:"window"`
	Containers []struct {
		Name  string `json:"name"`
		Usage struct {
			CPU    text `json:"cpu"`
			Memory text `json:"memory"`
		} `json:"usage"`
	} `json:"containers"`
}

// maxAnswer bounds what is read of one answer. A fleet of 100,000 pods has about 60 MB.
const maxAnswer = 512 << 20

// decode reads a PodMetricsList as a stream and gives its readings one by one: the answer for a large fleet has tens of
// megabytes, and is never held as a whole. What was read before an error counts.
func decode(r io.Reader, yield func(Reading)) error {
	d := json.NewDecoder(answer.Bounded(r, maxAnswer))
	listed := false
	err := answer.Fields(d, func(field string) error {
		if field != "items" {
			return answer.Skip(d)
		}
		listed = true
		if err := answer.Items(d, func() error { return decodePod(d, yield) }); err != nil {
			return fmt.Errorf("items: %w", err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading pod metrics: %w", err)
	}
	if !listed {
		return errors.New("reading pod metrics: the answer has no items")
	}
	return nil
}

func decodePod(d *json.Decoder, yield func(Reading)) error {
	var pod podMetrics
	if mistyped, err := answer.Decode(d, &pod); err != nil || mistyped {
		return err // a mistyped pod is unknown; the others are read on
	}
	measuredAt, err := time.Parse(time.RFC3339, string(pod.Timestamp))
	if err != nil {
		measuredAt = time.Time{}
	}
	window, err := time.ParseDuration(string(pod.Window))
	if err != nil {
		window = 0
	}
	for _, c := range pod.Containers {
		yield(Reading{
			Namespace: pod.Metadata.Namespace, Pod: pod.Metadata.Name, Container: c.Name,
			MeasuredAt: measuredAt, Window: window, CPU: string(c.Usage.CPU), Memory: string(c.Usage.Memory),
		})
	}
	return nil
}
