// Package wire reads and writes the TLS presentation language as docs/spec.md uses it: lengths of vectors count elements,
// a decoder takes one encoding only and every byte, and numbers end at 2^53-1.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxNumber is the greatest uint64 that a decoder takes.
const MaxNumber = 1<<53 - 1

// Refusal says why something was not accepted. Code is the code that Glasskey has for it.
type Refusal struct{ Code, Text string }

func (r *Refusal) Error() string { return r.Code + ": " + r.Text }

// Refuse makes a Refusal.
func Refuse(code, format string, args ...any) error {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// Fail ends the work of the next Catch above it with a Refusal.
func Fail(code, format string, args ...any) { panic(Refuse(code, format, args...)) }

// Check is Fail for what has an error already.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}

// Must returns the value, or fails.
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Catch, deferred, turns a failure into an error. Faults of the program are let through.
func Catch(err *error) {
	switch v := recover().(type) {
	case nil:
	case *Refusal:
		*err = v
	default:
		panic(v)
	}
}

// Code returns the code of a refusal, or "" for other errors.
func Code(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// Reader decodes. Its methods fail on what is malformed.
type Reader struct{ rest []byte }

// Decode reads one value that takes all of b.
func Decode[T any](b []byte, read func(*Reader) T) (value T, err error) {
	defer Catch(&err)
	r := &Reader{b}
	value = read(r)
	if len(r.rest) > 0 {
		Fail("malformed-encoding", "%d bytes too many", len(r.rest))
	}
	return value, nil
}

// Malformed fails.
func Malformed(format string, args ...any) { Fail("malformed-encoding", format, args...) }

// Bytes reads n bytes, as a copy.
func (r *Reader) Bytes(n int) []byte {
	if n > len(r.rest) {
		Malformed("it ends too early: %d bytes are missing", n-len(r.rest))
	}
	out := append([]byte{}, r.rest[:n]...)
	r.rest = r.rest[n:]
	return out
}

// Hash reads 32 bytes.
func (r *Reader) Hash() (h [32]byte) { copy(h[:], r.Bytes(32)); return }

// U8 reads a uint8.
func (r *Reader) U8() uint8 { return r.Bytes(1)[0] }

// U16 reads a uint16.
func (r *Reader) U16() uint16 { return binary.BigEndian.Uint16(r.Bytes(2)) }

// U32 reads a uint32.
func (r *Reader) U32() uint32 { return binary.BigEndian.Uint32(r.Bytes(4)) }

// U64 reads a uint64 up to MaxNumber.
func (r *Reader) U64() uint64 {
	v := binary.BigEndian.Uint64(r.Bytes(8))
	if v > MaxNumber {
		Malformed("a number above 2^53-1")
	}
	return v
}

// Count reads the length of a vector with this range.
func (r *Reader) Count(least, most int) int {
	var n int
	for range Width(most) {
		n = n<<8 | int(r.U8())
	}
	if n < least || n > most {
		Malformed("a vector of %d elements, not %d to %d", n, least, most)
	}
	return n
}

// Width is how many bytes the length of a vector with this maximum takes: never 3.
func Width(most int) int {
	switch {
	case most < 1<<8:
		return 1
	case most < 1<<16:
		return 2
	}
	return 4
}

// Opaque reads a vector of bytes.
func (r *Reader) Opaque(least, most int) []byte { return r.Bytes(r.Count(least, most)) }

// Optional reads the octet before an optional value.
func (r *Reader) Optional() bool {
	present := r.U8()
	if present > 1 {
		Malformed("a presence octet of %d", present)
	}
	return present == 1
}

// List reads a vector of elements.
func List[T any](r *Reader, least, most int, read func(*Reader) T) []T {
	n := r.Count(least, most)
	var out []T // Grows with what is read: a length alone allocates nothing.
	for range n {
		out = append(out, read(r))
	}
	return out
}

// Writer encodes, one call after the other.
type Writer []byte

// Raw writes bytes as they are.
func (w Writer) Raw(b []byte) Writer { return append(w, b...) }

// U8 writes a uint8.
func (w Writer) U8(v uint8) Writer { return append(w, v) }

// U16 writes a uint16.
func (w Writer) U16(v uint16) Writer { return binary.BigEndian.AppendUint16(w, v) }

// U32 writes a uint32.
func (w Writer) U32(v uint32) Writer { return binary.BigEndian.AppendUint32(w, v) }

// U64 writes a uint64.
func (w Writer) U64(v uint64) Writer { return binary.BigEndian.AppendUint64(w, v) }

// Count writes the length of a vector with this maximum.
func (w Writer) Count(n, most int) Writer {
	if n > most {
		Malformed("a vector of %d elements, above %d", n, most)
	}
	for i := Width(most) - 1; i >= 0; i-- {
		w = append(w, byte(n>>(8*i)))
	}
	return w
}

// Opaque writes a vector of bytes.
func (w Writer) Opaque(b []byte, most int) Writer { return w.Count(len(b), most).Raw(b) }

// Optional writes the octet before an optional value.
func (w Writer) Optional(present bool) Writer {
	if present {
		return w.U8(1)
	}
	return w.U8(0)
}
