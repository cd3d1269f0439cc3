package wire

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestBytesLookAsTheProtocolSays(t *testing.T) {
	for name, text := range map[string]string{
		"plain":               `"plain"`,
		"日本語":                 `"日本語"`,
		"a\xffb":              `"a\udcffb"`,
		"\xe6\x97":            `"\udce6\udc97"`,
		"\xed\xa0\x80":        `"\udced\udca0\udc80"`, // half a character in UTF-8 is no UTF-8
		"quote\" back\\slash": `"quote\" back\\slash"`,
		"a\nb\x00\x1f\x7f":    "\"a\\u000ab\\u0000\\u001f\x7f\"",
		"":                    `""`,
	} {
		if got, err := Bytes(name).MarshalJSON(); err != nil || string(got) != text {
			t.Errorf("%q is %s (%v) and not %s", name, got, err, text)
		}
	}
}

func TestBytesAreReadFromAnySpelling(t *testing.T) {
	for text, name := range map[string]string{
		`"\u0061\/\b\f\n\r\t\"\\"`: "a/\b\f\n\r\t\"\\",
		`"\ud83d\ude00"`:           "😀",
		`"\uD83D\uDE00\uDCFF"`:     "😀\xff",
		`"\udcc3\udca9"`:           "é",
		`"\ufffd"`:                 "\ufffd",
		`null`:                     "before",
	} {
		got := Bytes("before")
		if err := got.UnmarshalJSON([]byte(text)); err != nil || string(got) != name {
			t.Errorf("%s is %q (%v) and not %q", text, got, err, name)
		}
	}
}

func TestBytesRefuseWhatStandsForNoBytes(t *testing.T) {
	for _, text := range []string{
		``, `"`, `x`, `1`, `["a"]`, `"\"`, `"\x"`, `"\u"`, `"\u12"`, `"\u12g4"`, `"\u+123"`,
		`"\ud800"`, `"\ud800x"`, `"\ud800\ud800"`, `"\ud800\u0041"`, `"\udc00"`, `"\udc7f"`, `"\udd00"`, `"\udfff"`,
	} {
		got := Bytes("before")
		if err := got.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s became %q", text, got)
		}
	}
}

func TestAMapOfBytesIsJSON(t *testing.T) {
	// As encoding/json passes them on: it checks what MarshalJSON gave.
	text, err := json.Marshal(map[string]Bytes{"path": "<a>&\xff\u2028"})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]Bytes
	if err := json.Unmarshal(text, &back); err != nil || back["path"] != "<a>&\xff\u2028" {
		t.Fatalf("%s became %q (%v)", text, back, err)
	}
}

func FuzzBytesRoundTrip(f *testing.F) {
	for _, seed := range []string{"", "a", "é\xff", "\xed\xb2\x80", "\xf0\x9f\x98", "\"\\\x00\x7f", "\xef\xbf\xbd", "<\u2028>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := json.Marshal(Bytes(data))
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		var back Bytes
		if err := json.Unmarshal(text, &back); err != nil || string(back) != string(data) {
			t.Fatalf("%q became %s, then %q (%v)", data, text, back, err)
		}
		if !utf8.Valid(data) {
			return
		}
		// Text is the string that it would be without us, in both directions.
		var plain string
		if err := json.Unmarshal(text, &plain); err != nil || plain != string(data) {
			t.Fatalf("%q became %s, then the string %q (%v)", data, text, plain, err)
		}
		theirs, _ := json.Marshal(string(data))
		if err := json.Unmarshal(theirs, &back); err != nil || string(back) != string(data) {
			t.Fatalf("%s became %q (%v)", theirs, back, err)
		}
	})
}

func FuzzBytesFromAnything(f *testing.F) {
	for _, seed := range []string{`"\`, `"\"`, `"\u"`, `"\ud800\u"`, `"\udcff"`, `"a`, `null`, `""`, `"\ud83d\ude00"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var direct, decoded Bytes
		directErr := direct.UnmarshalJSON(text)
		if json.Unmarshal(text, &decoded) != nil || directErr != nil {
			return
		}
		if again, err := json.Marshal(decoded); err != nil || json.Unmarshal(again, &direct) != nil || direct != decoded {
			t.Fatalf("%s became %q, then %s (%v)", text, decoded, again, err)
		}
		var plain string
		if json.Unmarshal(text, &plain) == nil && utf8.Valid(text) && utf8.ValidString(string(decoded)) && !hasEscapedByte(text) && plain != string(decoded) {
			t.Fatalf("%s is %q and not the string %q", text, decoded, plain)
		}
	})
}

// hasEscapedByte tells an escape \udcNN: encoding/json makes U+FFFD of it.
func hasEscapedByte(text []byte) bool {
	for at := range text {
		if unit := hexUnit(text[at:]); unit >= 0xdc80 && unit <= 0xdcff {
			return true
		}
	}
	return false
}
