// Package answer reads a source's JSON answer as a stream. The answer for a large fleet has tens of megabytes; of these
// one item is held at a time, and not more is read than was agreed.
//
//	d := json.NewDecoder(answer.Bounded(body, 64<<20))
//	err := answer.Fields(d, func(field string) error {
//		if field == "items" {
//			return answer.Items(d, func() error { … d.Decode(&item) … })
//		}
//		return answer.Skip(d)
//	})
package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrTooLarge says that an answer has more bytes than are read.
var ErrTooLarge = errors.New("the answer is larger than allowed")

// Bounded gives the first bytes of r, and ErrTooLarge where there are more.
func Bounded(r io.Reader, bytes int64) io.Reader { return &bounded{from: r, left: bytes} }

type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed, to tell an answer of just that size from a larger one
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

// Fields reads an object: field is called with each name in turn, and reads the value from d.
func Fields(d *json.Decoder, field func(name string) error) error {
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("%v where the name of a field is expected", token)
		}
		if err := field(name); err != nil {
			return err
		}
	}
	return expect(d, json.Delim('}'))
}

// Items reads a list: item is called once for each, and reads it from d. The list null is empty.
func Items(d *json.Decoder, item func() error) error {
	start, err := d.Token()
	switch {
	case err != nil:
		return err
	case start == nil:
		return nil
	case start != json.Delim('['):
		return fmt.Errorf("%v where a list is expected", start)
	}
	for d.More() {
		if err := item(); err != nil {
			return err
		}
	}
	return expect(d, json.Delim(']'))
}

// Skip reads a value of any kind and drops it.
func Skip(d *json.Decoder) error { return d.Decode(&json.RawMessage{}) }

// Decode reads a value. It is true where the value is of another shape than v: then it has been read, d goes on after it,
// and v holds what could be read of it.
func Decode(d *json.Decoder, v any) (mistyped bool, err error) {
	var wrong *json.UnmarshalTypeError
	err = d.Decode(v)
	if errors.As(err, &wrong) {
		return true, nil
	}
	return false, err
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%v where %v is expected", got, want)
	}
	return nil
}
