package vpa

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

// FuzzCheckpoint: whatever is read, there is no panic in ours or in the library, an error leaves the State as it is, and what
// is accepted takes samples and can be saved. Bytes are read as they are, and behind a right checksum.
func FuzzCheckpoint(f *testing.F) {
	for _, minutes := range []int{0, 1, 300, 3000} {
		s := fed(minutes)
		if minutes == 3000 {
			s.OOM(after(minutes), "a", size.GiB)
		}
		checkpoint, err := s.AppendCheckpoint(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(checkpoint)
		f.Add(checkpoint[bodyAt:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sealed := append([]byte(magic), version, 0, 0, 0, 0)
		sealed = append(sealed, data...)
		binary.LittleEndian.PutUint32(sealed[bodyAt-4:], crc32.Checksum(data, castagnoli))
		for _, checkpoint := range [][]byte{data, sealed} {
			s := fed(3)
			before := s.Estimate(begin, nil)
			if err := s.Restore(slices.Clone(checkpoint)); err != nil {
				if diff := cmp.Diff(before, s.Estimate(begin, nil), same); diff != "" {
					t.Fatalf("refused (%v), and the state changed:\n%s", err, diff)
				}
			}
			if s = New(1); s.Restore(checkpoint) != nil {
				continue
			}
			s.Estimate(begin, nil)
			s.Add(begin, profiles.Sample{At: begin, Replica: "a", CPU: size.Of(1.0), Memory: size.Of(1e6)})
			s.OOM(begin, "a", size.GiB)
			s.Estimate(begin, nil)
			if _, err := s.AppendCheckpoint(nil); err != nil {
				t.Fatalf("what was restored cannot be saved: %v", err)
			}
		}
	})
}
