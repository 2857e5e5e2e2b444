// Package bundle has what a client trusts a log by: the trust bundle, checkpoints, witnesses, entries of the audit log.
package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseJSON reads one JSON value with integers only, and refuses a name that comes twice.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = fmt.Errorf("text after it")
		}
	}
	return v, err
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	if depth > 8 {
		return nil, fmt.Errorf("too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		n, err := strconv.ParseInt(t.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != t.String() || n > 1<<53-1 || n < -(1<<53-1) {
			return nil, fmt.Errorf("a number that is no integer")
		}
		return n, nil
	case json.Delim:
		object, list := map[string]any{}, []any{}
		for d.More() {
			var name string
			if t == '{' {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				name = key.(string)
				if _, twice := object[name]; twice {
					return nil, fmt.Errorf("%q comes twice", name)
				}
			}
			v, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			if t == '{' {
				object[name] = v
			} else {
				list = append(list, v)
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if t == '{' {
			return object, nil
		}
		return list, nil
	default:
		return t, nil
	}
}

// canonical is RFC 8785 of what parseJSON gives; names are ASCII here.
func canonical(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for name := range v {
			parts = append(parts, name)
		}
		slices.Sort(parts)
		for i, name := range parts {
			parts[i] = quote(name) + ":" + canonical(v[name])
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, canonical(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return quote(v)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		if i := strings.IndexRune("\"\\\b\t\n\f\r", c); i >= 0 {
			b.WriteByte('\\')
			b.WriteByte("\"\\btnfr"[i])
		} else if c < ' ' {
			fmt.Fprintf(&b, "\\u%04x", c)
		} else {
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unbase64 takes the one standard encoding of some bytes.
func unbase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil && base64.StdEncoding.EncodeToString(b) == s
}
