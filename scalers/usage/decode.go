package usage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
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
	Containers []struct {
		Name  string `json:"name"`
		Usage struct {
			CPU    text `json:"cpu"`
			Memory text `json:"memory"`
		} `json:"usage"`
	} `json:"containers"`
}

// decode reads a PodMetricsList as a stream and gives its readings one by one: the answer for a large fleet has tens of
// megabytes, and is never held as a whole. What was read before an error counts.
func decode(r io.Reader, yield func(Reading)) error {
	d := json.NewDecoder(r)
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	listed := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("reading pod metrics: %w", err)
		}
		if key == "items" {
			listed = true
			err = decodeItems(d, yield)
		} else {
			err = d.Decode(&json.RawMessage{})
		}
		if err != nil {
			return fmt.Errorf("reading pod metrics: %w", err)
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if !listed {
		return errors.New("reading pod metrics: the answer has no items")
	}
	return nil
}

func decodeItems(d *json.Decoder, yield func(Reading)) error {
	start, err := d.Token()
	switch {
	case err != nil:
		return err
	case start == nil: // null: nothing is measured
		return nil
	case start != json.Delim('['):
		return fmt.Errorf("items is %v, not a list", start)
	}
	for d.More() {
		var item podMetrics
		var mistyped *json.UnmarshalTypeError
		switch err := d.Decode(&item); {
		case errors.As(err, &mistyped):
			continue // this pod is unknown; the others are read on
		case err != nil:
			return err
		}
		measuredAt, err := time.Parse(time.RFC3339, string(item.Timestamp))
		if err != nil {
			measuredAt = time.Time{}
		}
		for _, c := range item.Containers {
			yield(Reading{
				Namespace: item.Metadata.Namespace, Pod: item.Metadata.Name, Container: c.Name,
				MeasuredAt: measuredAt, CPU: string(c.Usage.CPU), Memory: string(c.Usage.Memory),
			})
		}
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err != nil {
		return fmt.Errorf("reading pod metrics: %w", err)
	}
	if got != want {
		return fmt.Errorf("reading pod metrics: %v where %v is expected", got, want)
	}
	return nil
}
