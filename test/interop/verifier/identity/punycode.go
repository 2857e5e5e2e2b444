package identity

import "strings"

// Punycode (RFC 3492), for labels of domains.

func adapt(delta, points int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > 455; k += 36 {
		delta /= 35
	}
	return k + 36*delta/(delta+38)
}

func threshold(k, bias int) int { return min(max(k-bias, 1), 26) }

func punycodeEncode(s string) string {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	var out []byte
	runes := []rune(s)
	for _, r := range runes {
		if r < 128 {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	done := basic
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(128), 0, 72
	for done < len(runes) {
		next := rune(0x7fffffff)
		for _, r := range runes {
			if r >= n && r < next {
				next = r
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := 36; ; k += 36 {
				t := threshold(k, bias)
				if q < t {
					break
				}
				out = append(out, digits[t+(q-t)%(36-t)])
				q = (q - t) / (36 - t)
			}
			out = append(out, digits[q])
			bias = adapt(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return string(out)
}

func punycodeDecode(s string) (string, bool) {
	var out []rune
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		out = []rune(s[:i])
		s = s[i+1:]
	}
	n, at, bias := 128, 0, 72
	for len(s) > 0 {
		old, weight := at, 1
		for k := 36; ; k += 36 {
			if len(s) == 0 {
				return "", false
			}
			digit := strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789", s[0])
			s = s[1:]
			if digit < 0 || digit > (1<<31-at)/weight {
				return "", false
			}
			at += digit * weight
			t := threshold(k, bias)
			if digit < t {
				break
			}
			if weight *= 36 - t; weight > 1<<31 {
				return "", false
			}
		}
		bias = adapt(at-old, len(out)+1, old == 0)
		n += at / (len(out) + 1)
		at %= len(out) + 1
		if n > 0x10ffff {
			return "", false
		}
		out = append(out[:at], append([]rune{rune(n)}, out[at:]...)...)
		at++
	}
	return string(out), true
}
