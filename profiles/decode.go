package profiles

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// ReadHeader reads how much a checkpoint knows, after its checksum was found right.
func ReadHeader(checkpoint []byte) (Header, error) {
	r, err := open(checkpoint)
	if err != nil {
		return Header{}, err
	}
	var s State
	r.header(&s)
	if r.bad {
		return Header{}, ErrCheckpoint
	}
	return s.Header(), nil
}

// Restore makes the State what the checkpoint says; samples go on fading as the State's algorithm wants it. On an error
// the State stays as it is. A checkpoint that knows less than the State is an error (ErrKnowsLess).
func (s *State) Restore(checkpoint []byte) error {
	r, err := open(checkpoint)
	if err != nil {
		return err
	}
	var out State
	r.header(&out)
	for res := range resources {
		r.usage(res, &out.use[res])
	}
	r.starts(&out.starts)
	r.kills(&out.kills)
	r.replicas(&out.replicas)
	if r.bad || len(r.b) > 0 {
		return ErrCheckpoint
	}
	if !out.Header().Covers(s.Header()) {
		return ErrKnowsLess
	}
	for res := range resources {
		u := &out.use[res]
		u.levels.setHalfLife(s.use[res].levels.halfLife, u.open.at)
	}
	*s = out
	return nil
}

// open checks what comes before the body.
func open(checkpoint []byte) (*reader, error) {
	if len(checkpoint) < bodyAt || string(checkpoint[:len(magic)]) != magic {
		return nil, ErrCheckpoint
	}
	if checkpoint[len(magic)] != version {
		return nil, ErrVersion
	}
	body := checkpoint[bodyAt:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(checkpoint[bodyAt-4:]) {
		return nil, ErrCheckpoint
	}
	return &reader{b: body}, nil
}

// reader reads what a writer wrote. What cannot have been written makes it bad, and all that is read then is zero.
type reader struct {
	b   []byte
	bad bool
}

// check makes the reader bad where something does not hold.
func (r *reader) check(ok bool) bool {
	if !ok {
		r.bad, r.b = true, nil
	}
	return !r.bad
}

// uint reads a number of at most most.
func (r *reader) uint(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if !r.check(n > 0 && v <= most) {
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n int) []byte {
	if !r.check(n <= len(r.b)) {
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// float32 reads a finite number.
func (r *reader) float32() float32 {
	b := r.bytes(4)
	if b == nil {
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if !r.check(v-v == 0) {
		return 0
	}
	return v
}

func (r *reader) float64() float64 {
	b := r.bytes(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if !r.check(v-v == 0) {
		return 0
	}
	return v
}

// furthest is the latest time that is read, in the year 2106; sums of times do not overflow.
const furthest = math.MaxUint32

// time reads unix seconds, 0 for none.
func (r *reader) time() int64 {
	v := int64(r.uint(furthest))
	r.check(v == 0 || v >= oldest)
	return v
}

func (r *reader) header(s *State) {
	first := r.time()
	last := first + int64(r.uint(furthest))
	r.check(last <= furthest)
	s.first, s.last = uint32(first), uint32(last)
	r.check(s.first > 0 || s.last == 0)
	for _, count := range []*uint64{&s.counts.Taken, &s.counts.Late, &s.counts.Rejected, &s.counts.Kills} {
		*count = r.uint(math.MaxInt64)
	}
}

func (r *reader) usage(res resource, u *usage) {
	u.levels.halfLife = int32(r.uint(uint64(MaxHalfLife.Seconds())))
	r.check(float64(u.levels.halfLife) >= MinHalfLife.Seconds())
	r.hours(&u.hours)
	r.histogram(&u.levels)
	u.open = openTick{at: r.time(), value: r.float64(), weight: r.float32()}
	u.top, u.topHour = r.float64(), int64(r.uint(furthest/hour))
	if u.hours.newest == 0 {
		r.check(u.open == openTick{} && u.top == 0 && u.topHour == 0 && len(u.levels.weights) == 0)
		return
	}
	r.check(res.judge(u.open.value) == Taken && res.judge(u.top) == Taken)
	r.check(u.open.at%res.tick() == 0 && u.open.weight >= 1 && float64(u.open.weight) <= res.longest())
	r.check(u.open.at/hour <= u.hours.newest && u.levels.reference <= u.open.at)
	r.check(u.topHour <= u.hours.newest)
}

func (r *reader) hours(h *hours) {
	h.newest = int64(r.uint(furthest / hour))
	n := int64(r.uint(hoursKept))
	r.check((h.newest == 0) == (n == 0) && (h.newest == 0 || h.newest-n >= oldest/hour-1))
	in := unpack{r: r}
	level := 0
	for at := h.newest - n + 1; !r.bad && at <= h.newest; at++ {
		switch v := in.nibble(); v {
		case nibbleUnknown:
			run := int64(in.nibble()<<4 | in.nibble())
			r.check(run > 0 && at+run-1 <= h.newest)
			at += run - 1
			continue
		case nibbleLevel:
			level = in.nibble()<<4 | in.nibble()
		default:
			level += v - nibbleZero
		}
		if r.check(level > 0 && level <= topLevel) {
			h.ring[at%hoursKept] = uint8(level)
		}
	}
	in.close()
	r.check(h.newest == 0 || h.at(h.newest) > 0)
}

// unpack reads nibbles.
type unpack struct {
	r *reader
	n int // how many were read
}

func (u *unpack) nibble() int {
	i := u.n >> 1
	if i >= len(u.r.b) {
		u.r.check(false)
		return 0
	}
	v := u.r.b[i]
	if u.n++; u.n&1 == 1 {
		return int(v >> 4)
	}
	return int(v & 15)
}

// close goes on behind the last byte that was read.
func (u *unpack) close() { u.r.bytes((u.n + 1) / 2) }

func (r *reader) histogram(h *histogram) {
	h.reference = r.time()
	h.lowest = uint8(r.uint(topLevel))
	n := int(r.uint(maxLevels))
	r.check(n%chunk == 0)
	bits := r.bytes((n + 7) / 8)
	if r.bad || n == 0 {
		return
	}
	r.check(h.lowest > 0)
	weights := make([]float32, n)
	var sum float32
	for i := range weights {
		if bits[i/8]&(1<<(i%8)) != 0 {
			weights[i] = r.float32()
			r.check(weights[i] > 0 && int(h.lowest)+i <= topLevel)
			sum += weights[i]
		}
	}
	if r.check(sum > 0 && sum-sum == 0) {
		h.weights = weights
	}
}

func (r *reader) starts(s *starts) {
	n := r.uint(startsKept)
	for i := range s[:n] {
		s[i].at = r.time()
		r.check(s[i].at > 0)
		for res := range resources {
			s[i].peak[res] = r.float32()
			r.check(s[i].peak[res] >= 0 && float64(s[i].peak[res]) <= res.most())
		}
	}
}

func (r *reader) kills(k *kills) {
	n := r.uint(killsKept)
	for i := range k[:n] {
		k[i] = kill{at: r.time(), held: int64(r.uint(uint64(memory.most())))}
		r.check(k[i].at > 0 && k[i].held > 0)
	}
}

func (r *reader) replicas(l *replicas) {
	n := int(r.uint(replicasKept))
	if n == 0 {
		return
	}
	*l = make(replicas, n)
	for i := range *l {
		x := &(*l)[i]
		x.name = string(r.bytes(int(r.uint(nameKept))))
		x.last = r.time()
		r.check(x.name != "" && x.last > 0)
		for res := range resources {
			x.average[res] = r.float32()
			r.check(x.average[res] == -1 || x.average[res] >= 0 && float64(x.average[res]) <= res.most())
		}
	}
}
