package identity

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"glasskey.example/verifier/wire"
)

// Identity is the canonical form of an identity, and its label.
type Identity struct{ Text, Label string }

func no(format string, args ...any) { wire.Fail("invalid-identity", format, args...) }

var (
	schemeForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	telForm     = regexp.MustCompile(`^\+[1-9]([-.]?[0-9]){6,14}$`)
	userForm    = regexp.MustCompile(`^[a-z0-9!$'*+_~-]+(\.[a-z0-9!$'*+_~-]+)*$`)
	segmentForm = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=:@%-]+$`)
	numberForm  = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
	didForm     = regexp.MustCompile(`^did:[a-z0-9]+:.`)
	uuidForm    = regexp.MustCompile(`^(?i)urn:uuid:[0-9a-f-]+$`)
	userSchemes = []string{"acct", "im", "pres", "sip", "sips", "xmpp"}
	withHost    = []string{"http", "https", "ws", "wss", "ftp", "file"}
)

// ParseIdentity gives the one canonical form of an identity as typed, or refuses it.
func ParseIdentity(typed string, uriSchemes []string) (id Identity, err error) {
	defer wire.Catch(&err)
	if n := len(utf16.Encode([]rune(typed))); n < 1 || n > 1024 || !utf8.ValidString(typed) {
		no("%d code units", n)
	}
	checkCodePoints(typed)
	scheme, rest := "", typed
	if prefix := schemeForm.FindString(typed); prefix != "" {
		scheme, rest = strings.ToLower(prefix[:len(prefix)-1]), typed[len(prefix):]
	} else if strings.HasPrefix(typed, "+") && !strings.Contains(typed, "@") {
		scheme = "tel"
	}
	switch {
	case scheme == "" || scheme == "mailto":
		id.Text = userAtHost(rest, scheme != "")
		id.Label = "mailto:" + id.Text
	case scheme == "tel":
		if !telForm.MatchString(rest) {
			no("no telephone number")
		}
		id.Label = "tel:" + strings.NewReplacer("-", "", ".", "").Replace(rest)
	case scheme != "acct" && !slices.Contains(uriSchemes, scheme):
		no("the scheme %q", scheme)
	case slices.Contains(userSchemes, scheme):
		id.Label = scheme + ":" + userAtHost(rest, true)
	default:
		id.Label = uri(scheme, rest)
	}
	if id.Text == "" {
		id.Text = id.Label
	}
	if len(id.Label) > 255 {
		no("a label of %d bytes", len(id.Label))
	}
	return id, nil
}

// checkCodePoints refuses control, format, unassigned, ignorable and deprecated code points, and separators.
func checkCodePoints(s string) {
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) ||
			unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Deprecated) {
			no("the code point %U", r)
		}
	}
}

func userAtHost(s string, mayEncode bool) string {
	user, host, found := strings.Cut(s, "@")
	if !found {
		no("no host")
	}
	if mayEncode {
		user = unescape(user)
	}
	user = name(user)
	ascii := strings.Map(func(r rune) rune {
		if r > 127 {
			return 'a'
		}
		return r
	}, user)
	if len(user) > 64 || !userForm.MatchString(ascii) {
		no("the part before the @")
	}
	return user + "@" + domain(host)
}

// unescape decodes percent-encoding, of ASCII only unreserved characters.
func unescape(s string) string {
	out, err := url.PathUnescape(s)
	if err != nil || !utf8.ValidString(out) {
		no("percent-encoding of what is no UTF-8")
	}
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' {
			if c, _ := url.PathUnescape(s[i : i+3]); c[0] < 128 && !unreserved(c[0]) {
				no("a delimiter that is encoded")
			}
		}
	}
	checkCodePoints(out)
	return out
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// name is the canonical form of a name ("Names").
func name(s string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if r = unicode.ToLower(r); r == 'ς' {
			r = 'σ'
		}
		b.WriteRune(r)
	}
	out := b.String()
	if !norm.NFC.IsNormalString(out) || !norm.NFKC.IsNormalString(out) {
		no("a name that is not stable")
	}
	letter := false
	for _, r := range out {
		if r > 127 {
			isMark := unicode.In(r, unicode.Mn, unicode.Mc)
			if !(isMark && letter) && !unicode.In(r, unicode.Ll, unicode.Lu, unicode.Lo, unicode.Lm) || excluded(r) || !settled(r) {
				no("the letter %U", r)
			}
			letter = true
		} else {
			letter = r >= 'a' && r <= 'z'
		}
	}
	return out
}

// excluded are old Hangul jamo and the letters and marks that RFC 5892 §2.6 disallows.
func excluded(r rune) bool {
	in := func(low, high rune) bool { return r >= low && r <= high }
	return in(0x1100, 0x11ff) || in(0xa960, 0xa97c) || in(0xd7b0, 0xd7fb) ||
		r == 0x640 || r == 0x7fa || in(0x302e, 0x302f) || in(0x3031, 0x3035) || r == 0x303b
}

// settled says whether a letter has no case, or one that leads back to it. Some upper cases have several code points.
func settled(r rune) bool {
	upper := []rune(cases.Upper(language.Und).String(string(r)))
	return len(upper) == 1 && unicode.ToLower(upper[0]) == r
}

func domain(s string) string {
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		no("a host of one label")
	}
	for i, label := range labels {
		labels[i] = domainLabel(label)
	}
	out := strings.Join(labels, ".")
	if numberForm.MatchString(labels[len(labels)-1]) || len(out) > 253 {
		no("a host that ends in a number, or is too long")
	}
	return out
}

func domainLabel(s string) string {
	label := s
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, "xn--") {
		decoded, ok := punycodeDecode(lower[4:])
		// ß and ς are letters that only an A-label can have.
		plain := strings.NewReplacer("ß", "a", "ς", "σ").Replace(decoded)
		if !ok || name(plain) != plain || "xn--"+punycodeEncode(decoded) != lower || isASCII(decoded) {
			no("an A-label that is none")
		}
		checkLDH(decoded)
		label = lower
	} else {
		label = name(s)
		checkLDH(label)
		if !isASCII(label) {
			label = "xn--" + punycodeEncode(label)
		}
	}
	if len(label) < 1 || len(label) > 63 {
		no("a domain label of %d bytes", len(label))
	}
	return label
}

// checkLDH allows letters, digits, and hyphens inside, but not at the third and fourth place.
func checkLDH(s string) {
	for _, r := range s {
		if r < 128 && r != '-' && !(r >= 'a' && r <= 'z') && !(r >= '0' && r <= '9') {
			no("the domain label %q", s)
		}
	}
	points := []rune(s)
	if s == "" || points[0] == '-' || points[len(points)-1] == '-' || (len(points) > 3 && points[2] == '-' && points[3] == '-') {
		no("the domain label %q", s)
	}
}

func encodeBeyondASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 127 {
			b.WriteString(url.PathEscape(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) }

func uri(scheme, rest string) string {
	var b strings.Builder
	b.WriteString(scheme + ":")
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		host, path, found := strings.Cut(after, "/")
		b.WriteString("//" + domain(host))
		if !found || path == "" {
			return b.String()
		}
		b.WriteByte('/')
		rest = path
	} else if slices.Contains(withHost, scheme) {
		no("a %s URI without a host", scheme)
	}
	for i, segment := range strings.Split(rest, "/") {
		segment = norm.NFC.String(unescape(segment))
		if segment == "." || segment == ".." {
			no("a dot segment")
		}
		if i > 0 {
			b.WriteByte('/')
		}
		encoded := encodeBeyondASCII(segment)
		if !segmentForm.MatchString(encoded) {
			no("the segment %q", segment)
		}
		b.WriteString(encoded)
	}
	out := b.String()
	switch {
	case uuidForm.MatchString(out):
		out = strings.ToLower(out)
	case scheme == "urn":
		parts := strings.SplitN(out, ":", 3)
		if len(parts) < 3 || parts[1] == "" || parts[2] == "" {
			no("no URN")
		}
		parts[1] = strings.ToLower(parts[1])
		out = strings.Join(parts, ":")
	case scheme == "did" && !didForm.MatchString(out):
		no("a DID whose method is not in lower case")
	}
	return out
}
