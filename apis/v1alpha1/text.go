package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxLabelValue is the longest value of a label, in characters.
const maxLabelValue = 63

// LabelValue gives a name as a label's value, which is shorter than an object's name may be.
func LabelValue(name string) string { return Shortened(name, maxLabelValue) }

// Shortened gives a name in at most longest characters, at least 10: a longer one is cut, and a hash of all of it keeps it
// apart from others that begin alike.
func Shortened(name string, longest int) string {
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:longest-9], "-._") + "-" + hex.EncodeToString(sum[:])[:8]
}

// Truncated cuts a message to at most longest bytes, between two characters; MaxLength counts characters, which are not more.
func Truncated(message string, longest int) string {
	if len(message) <= longest {
		return message
	}
	cut := longest - len("…")
	for cut > 0 && message[cut]&0xC0 == 0x80 {
		cut--
	}
	return message[:cut] + "…"
}
