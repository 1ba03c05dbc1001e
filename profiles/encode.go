package profiles

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A checkpoint is: "mpp" and the version, a CRC-32C of what follows, and then, as unsigned varints unless said otherwise:
//
//	first, last - first, counts (taken, late, rejected, kills)
//	for each resource: half-life; newest hour, known length, hours in nibbles; reference, lowest level, length, bits of
//	    which levels have a weight, float32 weights; open tick (at, float64 value, float32 weight); top float64, its hour
//	starts: number, each (at, float32 CPU, float32 memory)
//	kills: number, each (at, held)
//	replicas: number, each (length of name, name, last, float32 CPU, float32 memory)
//
// Fixed-size numbers are little-endian. Floats are carried bit by bit, so that what is restored is the same.
const (
	magic   = "mpp"
	version = 1
	// bodyAt is where the body begins: magic, version, checksum.
	bodyAt = len(magic) + 1 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendCheckpoint appends the whole State, in about a kilobyte.
func (s *State) AppendCheckpoint(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = append(b, version, 0, 0, 0, 0)
	w := writer{b}
	w.uint(uint64(s.first), uint64(s.last-s.first), s.counts.Taken, s.counts.Late, s.counts.Rejected, s.counts.Kills)
	for r := range resources {
		w.usage(&s.use[r])
	}
	w.starts(s.starts)
	w.kills(s.kills)
	w.replicas(s.replicas)
	body := w.b[start+bodyAt:]
	binary.LittleEndian.PutUint32(w.b[start+bodyAt-4:], crc32.Checksum(body, castagnoli))
	return w.b
}

type writer struct{ b []byte }

func (w *writer) uint(values ...uint64) {
	for _, v := range values {
		w.b = binary.AppendUvarint(w.b, v)
	}
}

func (w *writer) float32(values ...float32) {
	for _, v := range values {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(v))
	}
}

func (w *writer) float64(v float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
}

func (w *writer) usage(u *usage) {
	w.uint(uint64(u.levels.halfLife))
	w.hours(&u.hours)
	w.histogram(&u.levels)
	w.uint(uint64(u.open.at))
	w.float64(u.open.value)
	w.float32(u.open.weight)
	w.float64(u.top)
	w.uint(uint64(u.topHour))
}

// Nibbles of hours: a small change from the hour before, or one of these.
const (
	nibbleZero    = 6  // the same level as before; 0 to 13 are changes from -6 to +7
	nibbleUnknown = 14 // two nibbles follow: so many hours are unknown
	nibbleLevel   = 15 // two nibbles follow: the level
)

// hours writes the hours from the oldest known one to the newest, most of them in half a byte.
func (w *writer) hours(h *hours) {
	line := h.line()
	hours := line[:]
	for len(hours) > 0 && hours[0] == 0 {
		hours = hours[1:]
	}
	w.uint(uint64(h.newest), uint64(len(hours)))
	n := nibbles{b: w.b}
	before := 0
	for i := 0; i < len(hours); i++ {
		level := int(hours[i])
		change := level - before
		switch {
		case level == 0:
			run := 1
			for run < 255 && hours[i+1] == 0 { // the last is known
				i++
				run++
			}
			n.put(nibbleUnknown, run>>4, run&15)
			continue
		case -nibbleZero <= change && change < nibbleUnknown-nibbleZero:
			n.put(change + nibbleZero)
		default:
			n.put(nibbleLevel, level>>4, level&15)
		}
		before = level
	}
	w.b = n.b
}

// nibbles writes two to a byte, the high one first.
type nibbles struct {
	b   []byte
	low bool // the next goes into the low half of the last byte
}

func (n *nibbles) put(values ...int) {
	for _, v := range values {
		if n.low {
			n.b[len(n.b)-1] |= byte(v)
		} else {
			n.b = append(n.b, byte(v<<4))
		}
		n.low = !n.low
	}
}

func (w *writer) histogram(h *histogram) {
	w.uint(uint64(h.reference), uint64(h.lowest), uint64(len(h.weights)))
	bits := len(w.b)
	w.b = append(w.b, make([]byte, (len(h.weights)+7)/8)...)
	for i, v := range h.weights {
		if v > 0 {
			w.b[bits+i/8] |= 1 << (i % 8)
			w.float32(v)
		}
	}
}

func (w *writer) starts(s starts) {
	n := 0
	for _, start := range s {
		if start.at > 0 {
			n++
		}
	}
	w.uint(uint64(n))
	for _, start := range s {
		if start.at > 0 {
			w.uint(uint64(start.at))
			w.float32(start.peak[:]...)
		}
	}
}

func (w *writer) kills(k kills) {
	n := 0
	for _, kill := range k {
		if kill.at > 0 {
			n++
		}
	}
	w.uint(uint64(n))
	for _, kill := range k {
		if kill.at > 0 {
			w.uint(uint64(kill.at), uint64(kill.held))
		}
	}
}

func (w *writer) replicas(l replicas) {
	w.uint(uint64(len(l)))
	for _, x := range l {
		w.uint(uint64(len(x.name)))
		w.b = append(w.b, x.name...)
		w.uint(uint64(x.last))
		w.float32(x.average[:]...)
	}
}
