package kt

import (
	"math/bits"
	"slices"
)

// The implicit binary search tree over the entries of a log (§4.1, Appendix A).

func level(x uint64) int { return bits.TrailingZeros64(^x) }

func rootOf(size uint64) uint64 { return 1<<(bits.Len64(size)-1) - 1 }

// leftChild is for entries with a level above 0.
func leftChild(x uint64) uint64 { return x ^ 1<<(level(x)-1) }

// rightChild is for entries other than the last one and than those of level 0.
func rightChild(x, size uint64) uint64 {
	x ^= 3 << (level(x) - 1)
	for x >= size {
		x = leftChild(x)
	}
	return x
}

func hasRight(x, size uint64) bool { return level(x) > 0 && x != size-1 }

// frontierFrom is x, its right child, and so on to the last entry.
func frontierFrom(x, size uint64) []uint64 {
	out := []uint64{x}
	for hasRight(x, size) {
		x = rightChild(x, size)
		out = append(out, x)
	}
	return out
}

// Frontier is the frontier of a log of that size.
func Frontier(size uint64) []uint64 {
	if size == 0 {
		return nil
	}
	return frontierFrom(rootOf(size), size)
}

// pathTo goes from the root to x, without x.
func pathTo(x, size uint64) (path []uint64) {
	for at := rootOf(size); at != x; {
		path = append(path, at)
		if x < at {
			at = leftChild(at)
		} else {
			at = rightChild(at, size)
		}
	}
	return path
}

// UpdateEntries are the entries whose timestamps a view of `last` entries needs to become one of `size` (§4.2).
func UpdateEntries(last, size uint64) []uint64 {
	if last == 0 {
		return Frontier(size)
	}
	if last == size {
		return nil
	}
	var out []uint64
	for _, x := range pathTo(last-1, size) {
		if x >= last {
			out = append(out, x)
		}
	}
	slices.Reverse(out) // from the entry upwards, which is from left to right
	if len(out) == 0 {
		return frontierFrom(last-1, size)[1:]
	}
	return append(out, frontierFrom(out[len(out)-1], size)[1:]...)
}

// BaseLadder are the versions that show n to be the greatest (§5, Appendix B).
func BaseLadder(n uint32) []uint32 {
	var all []uint64
	for {
		all = append(all, 1<<len(all)-1)
		if all[len(all)-1] > uint64(n) {
			break
		}
	}
	low, high := all[len(all)-2], all[len(all)-1]
	for low+1 < high {
		v := (low + high) / 2
		all = append(all, v)
		if v <= uint64(n) {
			low = v
		} else {
			high = v
		}
	}
	var out []uint32
	for _, v := range all {
		if v < 1<<32 {
			out = append(out, uint32(v))
		}
	}
	return out
}

// MonitoringLadder are the versions of the base ladder that must exist (§8.1).
func MonitoringLadder(n uint32) []uint32 {
	return slices.DeleteFunc(BaseLadder(n), func(v uint32) bool { return v > n })
}
