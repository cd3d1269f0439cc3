package search

import (
	"bytes"
	"encoding/binary"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRequired bounds how many texts are looked for side by side in each block.
const maxRequired = 8

// required is what a match cannot be without: at least one of these texts. With fold they are in
// lower case, and so must be what they are looked for in. Without texts nothing is known.
type required struct {
	texts [][]byte
	fold  bool
}

// requiredBy finds the texts that a regular expression needs. Finding them in a whole block is much
// faster than to try the expression on each line.
func requiredBy(re *syntax.Regexp) required {
	switch re.Op {
	case syntax.OpLiteral:
		return requiredByLiteral(re.Rune, re.Flags&syntax.FoldCase != 0)
	case syntax.OpCapture, syntax.OpPlus:
		return requiredBy(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredBy(re.Sub[0])
		}
	case syntax.OpConcat:
		var best required
		for _, sub := range re.Sub {
			if one := requiredBy(sub); one.shortest() > best.shortest() {
				best = one
			}
		}
		return best
	case syntax.OpAlternate:
		return requiredByOneOf(re.Sub)
	}
	return required{}
}

func requiredByOneOf(alternatives []*syntax.Regexp) required {
	var all required
	for _, sub := range alternatives {
		one := requiredBy(sub)
		all.texts = append(all.texts, one.texts...)
		all.fold = all.fold || one.fold
		if len(one.texts) == 0 || len(all.texts) > maxRequired {
			return required{}
		}
	}
	if all.fold {
		for i, text := range all.texts {
			all.texts[i] = appendLower(nil, text)
		}
	}
	return all
}

// requiredByLiteral gives the literal, or the longest part of it that lower case keeps the same in
// all its spellings: U+017F is an s as well, and U+212A a k.
func requiredByLiteral(literal []rune, fold bool) required {
	var best, run string
	for _, character := range literal {
		// U+FFFD in an expression also stands for a byte that is no UTF-8.
		if character == utf8.RuneError || fold && !foldsInASCII(character) {
			run = ""
			continue
		}
		run += string(character)
		if len(run) > len(best) {
			best = run
		}
	}
	if best == "" {
		return required{}
	}
	if fold {
		best = strings.ToLower(best)
	}
	return required{[][]byte{[]byte(best)}, fold}
}

func foldsInASCII(character rune) bool {
	for other := unicode.SimpleFold(character); ; other = unicode.SimpleFold(other) {
		if other >= utf8.RuneSelf {
			return false
		}
		if other == character {
			return true
		}
	}
}

// shortest is the length of the shortest text: the longer, the rarer it is.
func (r required) shortest() int {
	if len(r.texts) == 0 {
		return 0
	}
	length := len(r.texts[0])
	for _, text := range r.texts {
		if len(text) < length {
			length = len(text)
		}
	}
	return length
}

// longest is the length of the longest text.
func (r required) longest() int {
	length := 0
	for _, text := range r.texts {
		length = max(length, len(text))
	}
	return length
}

// candidates finds the places in a block where a required text is.
type candidates struct {
	required required
	block    []byte
	// next is where each text comes next, as far as it was looked for.
	next    [maxRequired]int
	lowered []byte
}

// in begins with a block.
func (c *candidates) in(block []byte) {
	c.block = block
	if c.required.fold {
		c.lowered = appendLower(c.lowered[:0], block)
		c.block = c.lowered
	}
	c.next = [maxRequired]int{}
	for i := range c.next {
		c.next[i] = -1
	}
}

// from is the first place at or behind one where a required text begins, or -1.
func (c *candidates) from(at int) int {
	if len(c.required.texts) == 0 {
		return at
	}
	first := -1
	for i, text := range c.required.texts {
		if c.next[i] < at {
			c.next[i] = len(c.block)
			if found := bytes.Index(c.block[at:], text); found >= 0 {
				c.next[i] = at + found
			}
		}
		if c.next[i] < len(c.block) && (first < 0 || c.next[i] < first) {
			first = c.next[i]
		}
	}
	return first
}

// appendLower adds a text with its ASCII letters in lower case, eight bytes at a time: it is done to
// all that is searched.
func appendLower(out, text []byte) []byte {
	start := len(out)
	out = append(out, text...)
	rest := out[start:]
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.LittleEndian.PutUint64(rest, lowerEight(binary.LittleEndian.Uint64(rest)))
	}
	for i, c := range rest {
		rest[i] = byte(lowerEight(uint64(c)))
	}
	return out
}

// lowerEight sets the bit 0x20 in each of eight bytes that is a letter A to Z. Sums of the low seven
// bits reach the high bit of their own byte, and no further.
func lowerEight(eight uint64) uint64 {
	const each = 0x0101010101010101
	low := eight &^ (0x80 * each)
	fromA := low + (0x80-'A')*each
	behindZ := low + (0x80-'Z'-1)*each
	isUpper := (fromA ^ behindZ) &^ eight & (0x80 * each)
	return eight | isUpper>>2
}
