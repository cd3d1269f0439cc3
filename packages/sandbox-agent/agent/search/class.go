package search

import (
	"strings"
	"unicode"
)

// class is `[…]`: one character of those that it lists, or of all others.
type class struct {
	negated bool
	ranges  []characterRange
	named   []func(rune) bool
}

type characterRange struct{ first, last rune }

func (c *class) has(character rune) bool {
	for _, one := range c.ranges {
		if one.first <= character && character <= one.last {
			return !c.negated
		}
	}
	for _, is := range c.named {
		if is(character) {
			return !c.negated
		}
	}
	return c.negated
}

// parseClass takes the class that text begins with, and tells its length: 0 where it is not closed,
// and the bracket is text.
func parseClass(text string) (parsed class, size int) {
	at := 1
	if at < len(text) && (text[at] == '!' || text[at] == '^') {
		parsed.negated = true
		at++
	}
	for begin := at; at < len(text); {
		if text[at] == ']' && at > begin {
			return parsed, at + 1
		}
		if name, is := namedClass(text[at:]); is != nil {
			parsed.named = append(parsed.named, is)
			at += len(name)
			continue
		}
		first, size := classCharacter(text[at:])
		at += size
		last := first
		if at+1 < len(text) && text[at] == '-' && text[at+1] != ']' {
			last, size = classCharacter(text[at+1:])
			at += 1 + size
		}
		parsed.ranges = append(parsed.ranges, characterRange{first, last})
	}
	return class{}, 0
}

func classCharacter(text string) (rune, int) {
	if text[0] == '\\' && len(text) > 1 {
		character, size := nextCharacter(text[1:])
		return character, 1 + size
	}
	return nextCharacter(text)
}

// namedClass is the `[:name:]` that text begins with.
func namedClass(text string) (name string, is func(rune) bool) {
	if !strings.HasPrefix(text, "[:") {
		return "", nil
	}
	for name, is := range namedClasses {
		if strings.HasPrefix(text[2:], name) {
			return "[:" + name, is
		}
	}
	return "", nil
}

var namedClasses = map[string]func(rune) bool{
	"alnum:]":  oneOf(unicode.L, unicode.Nl, unicode.Nd),
	"alpha:]":  oneOf(unicode.L, unicode.Nl),
	"ascii:]":  func(character rune) bool { return character <= unicode.MaxASCII },
	"blank:]":  func(character rune) bool { return character == '\t' || unicode.Is(unicode.Zs, character) },
	"cntrl:]":  oneOf(unicode.Cc),
	"digit:]":  oneOf(unicode.Nd),
	"graph:]":  func(character rune) bool { return unicode.IsGraphic(character) && !unicode.Is(unicode.Z, character) },
	"lower:]":  oneOf(unicode.Ll),
	"print:]":  unicode.IsGraphic,
	"punct:]":  oneOf(unicode.P, unicode.S),
	"space:]":  unicode.IsSpace,
	"upper:]":  oneOf(unicode.Lu),
	"word:]":   oneOf(unicode.L, unicode.Nl, unicode.Nd, unicode.Pc),
	"xdigit:]": oneOf(unicode.ASCII_Hex_Digit),
}

func oneOf(tables ...*unicode.RangeTable) func(rune) bool {
	return func(character rune) bool { return unicode.In(character, tables...) }
}
