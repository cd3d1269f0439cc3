package wire

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Bytes is a byte string that travels as a JSON string: text as it is, and each byte 0xNN that is
// not part of UTF-8 as the lone surrogate U+DCNN (PEP 383).
type Bytes string

const hexDigits = "0123456789abcdef"

func (b Bytes) MarshalJSON() ([]byte, error) {
	return b.AppendJSON(make([]byte, 0, len(b)+2)), nil
}

// AppendJSON adds the JSON string to out.
func (b Bytes) AppendJSON(out []byte) []byte {
	out = append(out, '"')
	for i := 0; i < len(b); {
		c := b[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRuneInString(string(b[i:]))
			if size == 1 {
				out = append(out, `\udc`...)
				out = append(out, hexDigits[c>>4], hexDigits[c&15])
			} else {
				out = append(out, b[i:i+size]...)
			}
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < 0x20:
			out = append(out, `\u00`...)
			out = append(out, hexDigits[c>>4], hexDigits[c&15])
		default:
			out = append(out, c)
		}
		i++
	}
	return append(out, '"')
}

func (b *Bytes) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return fmt.Errorf("a string was expected")
	}
	out := make([]byte, 0, len(data))
	for text := data[1 : len(data)-1]; len(text) > 0; {
		if text[0] != '\\' {
			out, text = append(out, text[0]), text[1:]
			continue
		}
		size, err := 0, error(nil)
		if out, size, err = appendEscape(out, text); err != nil {
			return err
		}
		text = text[size:]
	}
	*b = Bytes(out)
	return nil
}

var plainEscapes = map[byte]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// appendEscape decodes the escape that text begins with, and tells how long it is.
func appendEscape(out, text []byte) ([]byte, int, error) {
	if len(text) > 1 {
		if plain, ok := plainEscapes[text[1]]; ok {
			return append(out, plain), 2, nil
		}
	}
	unit := hexUnit(text)
	switch {
	case unit < 0:
		return nil, 0, fmt.Errorf("an escape in a byte string that JSON does not have")
	case unit >= 0xd800 && unit < 0xdc00:
		low := hexUnit(text[6:])
		if low < 0xdc00 || low > 0xdfff {
			return nil, 0, fmt.Errorf("half a character in a byte string")
		}
		return utf8.AppendRune(out, 0x10000+(unit-0xd800)<<10+(low-0xdc00)), 12, nil
	case unit >= 0xdc80 && unit <= 0xdcff:
		return append(out, byte(unit-0xdc00)), 6, nil
	case unit >= 0xdc00 && unit <= 0xdfff:
		return nil, 0, fmt.Errorf("half a character in a byte string")
	}
	return utf8.AppendRune(out, unit), 6, nil
}

// hexUnit is the code unit of the escape \uXXXX at the start of text, or -1.
func hexUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
