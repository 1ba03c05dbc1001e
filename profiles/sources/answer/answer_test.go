package answer

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes   int64
		want    string
		wantErr error
	}{
		"an answer that is shorter":     {10, "answer", nil},
		"an answer of just that length": {6, "answer", nil},
		"an answer that is longer":      {5, "answe", ErrTooLarge},
		"nothing may be read":           {0, "", ErrTooLarge},
	} {
		for kind, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				got, err := io.ReadAll(Bounded(reader(strings.NewReader("answer")), tc.bytes))
				if string(got) != tc.want || !errors.Is(err, tc.wantErr) || (err == nil) != (tc.wantErr == nil) {
					t.Errorf("%q (%v), want %q (%v)", got, err, tc.want, tc.wantErr)
				}
			})
		}
	}
}

func TestFieldsAndItems(t *testing.T) {
	for content, wantErr := range map[string]string{
		`{"skipped":{"a":[1,{}]},"list":[1,"x",3]}`: "",
		`{"list":null}`: "",
		`{"list":5}`:    "5 where a list is expected",
		`[1]`:           "[ where { is expected",
		`{"list":[1,`:   "EOF",
		`{"list":[1}`:   "invalid character",
		``:              "EOF",
	} {
		d := json.NewDecoder(strings.NewReader(content))
		sum := 0
		err := Fields(d, func(name string) error {
			if name != "list" {
				return Skip(d)
			}
			return Items(d, func() error {
				var n int
				mistyped, err := Decode(d, &n)
				if mistyped {
					n = 10
				}
				sum += n
				return err
			})
		})
		if (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%s: error %v, want %q", content, err, wantErr)
		}
		if strings.Contains(content, "x") && sum != 14 {
			t.Errorf("%s: the sum is %d, want 1 + 10 for what is no number + 3", content, sum)
		}
	}
}
