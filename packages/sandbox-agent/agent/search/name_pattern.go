package search

import (
	"strings"
	"unicode/utf8"
)

// namePattern is the part of a glob between two slashes.
type namePattern struct {
	text   string // matches the name that it equals, whatever it means as a pattern
	tokens []token
}

type tokenKind uint8

const (
	literalToken tokenKind = iota
	anyToken               // `?`
	starToken
	classToken
)

type token struct {
	kind    tokenKind
	literal string
	class   class
}

func compileName(text string) namePattern {
	pattern := namePattern{text: text}
	for rest := text; rest != ""; {
		one, size := nextToken(rest)
		rest = rest[size:]
		last := len(pattern.tokens) - 1
		switch {
		case last >= 0 && one.kind == literalToken && pattern.tokens[last].kind == literalToken:
			pattern.tokens[last].literal += one.literal
		case last >= 0 && one.kind == starToken && pattern.tokens[last].kind == starToken:
			// Two stars within a name are one.
		default:
			pattern.tokens = append(pattern.tokens, one)
		}
	}
	return pattern
}

// nextToken is the token that text begins with, and its length.
func nextToken(text string) (token, int) {
	switch text[0] {
	case '*':
		return token{kind: starToken}, 1
	case '?':
		return token{kind: anyToken}, 1
	case '[':
		if parsed, size := parseClass(text); size > 0 {
			return token{kind: classToken, class: parsed}, size
		}
	case '\\':
		if len(text) > 1 {
			_, size := nextCharacter(text[1:])
			return token{literal: text[1 : 1+size]}, 1 + size
		}
	}
	end := 1
	for end < len(text) && strings.IndexByte(`*?[\`, text[end]) < 0 {
		end++
	}
	return token{literal: text[:end]}, end
}

// match tries no more than length of the name times length of the pattern: when something does not
// fit, only the last star may take one character more.
func (p *namePattern) match(name string, hidden bool) bool {
	if name == p.text {
		return true
	}
	if isHidden(name) && !hidden && p.tokens[0].kind != literalToken {
		return false
	}
	at, next := 0, 0
	starAt, afterStar := 0, -1
	for {
		if next < len(p.tokens) && p.tokens[next].kind == starToken {
			next++
			starAt, afterStar = at, next
			continue
		}
		if next < len(p.tokens) {
			if size := p.tokens[next].take(name[at:]); size >= 0 {
				at += size
				next++
				continue
			}
		} else if at == len(name) || afterStar == len(p.tokens) {
			return true
		}
		if afterStar < 0 || starAt == len(name) {
			return false
		}
		_, size := nextCharacter(name[starAt:])
		starAt += size
		at, next = starAt, afterStar
	}
}

// take is how many bytes of text the token matches at its beginning, or -1.
func (t *token) take(text string) int {
	if t.kind == literalToken {
		if strings.HasPrefix(text, t.literal) {
			return len(t.literal)
		}
		return -1
	}
	if text == "" {
		return -1
	}
	character, size := nextCharacter(text)
	if t.kind == classToken && !t.class.has(character) {
		return -1
	}
	return size
}

// nextCharacter is the first character of a text that is not empty. A byte that is no UTF-8 counts
// as one, with the number that it has in a byte string (architecture/agent-protocol.md).
func nextCharacter(text string) (rune, int) {
	character, size := utf8.DecodeRuneInString(text)
	if character == utf8.RuneError && size == 1 {
		return 0xdc00 + rune(text[0]), 1
	}
	return character, size
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }
