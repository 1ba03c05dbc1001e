package v1alpha1

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShortenedNamesAreShortEnoughAndUnique(t *testing.T) {
	if got := LabelValue("kube-apiserver"); got != "kube-apiserver" {
		t.Errorf("a name that is short enough became %q", got)
	}
	long := strings.Repeat("a", 53) + "." + strings.Repeat("b", 60)
	first, second := LabelValue(long+"-1"), LabelValue(long+"-2")
	if first == second || len(first) > 63 || strings.Contains(first, ".-") {
		t.Errorf("values %q and %q, want two of at most 63 characters without a dot before the dash", first, second)
	}
}

func TestTruncatedMessagesEndBetweenCharacters(t *testing.T) {
	if got := Truncated("short", 5); got != "short" {
		t.Errorf("a message that is short enough became %q", got)
	}
	for longest := 4; longest < 20; longest++ {
		got := Truncated(strings.Repeat("é", 20), longest)
		if len(got) > longest || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%q in at most %d bytes", got, longest)
		}
	}
}
