package search

import "unicode/utf8"

// cutAround is the part of a line around a match that fits into maxLineBytes.
func cutAround(line []byte, match int) []byte {
	start, end := cutRange(int64(len(line)), int64(match))
	return wholeCharacters(line[start:end], start > 0, end < int64(len(line)))
}

// cutRange is which part of a line of this length is told.
func cutRange(length, match int64) (start, end int64) {
	start = match - maxLineBytes/4
	if start > length-maxLineBytes {
		start = length - maxLineBytes
	}
	if start < 0 {
		start = 0
	}
	end = start + maxLineBytes
	if end > length {
		end = length
	}
	return start, end
}

// wholeCharacters leaves out what a cut left of a character at either end.
func wholeCharacters(text []byte, cutBefore, cutBehind bool) []byte {
	if cutBefore {
		for i := 0; i < utf8.UTFMax-1 && len(text) > 0 && !utf8.RuneStart(text[0]); i++ {
			text = text[1:]
		}
	}
	if !cutBehind {
		return text
	}
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		last := text[len(text)-i:]
		if utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
