package search

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"carrel-agent/wire"
)

func matches(t *testing.T, pattern, path string, hidden bool) bool {
	t.Helper()
	compiled, err := compileGlob(pattern, hidden)
	if err != nil {
		t.Fatal(err)
	}
	return matchPath(compiled, path)
}

func matchPath(compiled *globPattern, path string) bool {
	at := compiled.starts
	for _, name := range strings.Split(path, "/") {
		at = compiled.advance(nil, at, name)
	}
	return compiled.isMatch(at)
}

func TestGlobsMatchPaths(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.ts", "a.ts", true},
		{"*.ts", "src/a.ts", false},
		{"**/*.ts", "a.ts", true},
		{"**/*.ts", "src/deep/a.ts", true},
		{"src/**", "src/a.ts", true},
		{"src/**", "src/deep/a.ts", true},
		{"src/**", "src", false},
		{"**", "a/b", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/**/b", "a/x/b", true},
		{"a/**/**/b", "a/x/c", false},
		{"**/a/**/b/**", "x/a/y/a/b/z", true},
		{"a**b", "axxb", true},
		{"a**b", "a/b", false},
		{"./*.ts", "a.ts", true},
		{"/*.ts", "a.ts", true},
		{"src//a.ts", "src/a.ts", true},
		{"?.ts", "ab.ts", false},
		{"?.ts", "日.ts", true},
		{"??", "\xff\xfe", true},
		{"?", "é", true},
		{"*?", "é", true},
		{"*??", "日", false},
		{"*a*b", "xaxbxab", true},
		{"*a*b", "xaxbxac", false},
		{"!x", "!x", true},
		{"#x", "#x", true},
		{"(group)/*.ts", "(group)/a.ts", true},
		{"@(a|b)", "a", false},
		{"../a", "a", false},
		{"README", "readme", false},
	} {
		if matches(t, c.pattern, c.path, false) != c.want {
			t.Errorf("%s on %s: not %v", c.pattern, c.path, c.want)
		}
	}
}

func TestClassesMatchOneCharacter(t *testing.T) {
	for pattern, names := range map[string]struct{ in, out string }{
		"[abc]":                {"a b c", "d ab"},
		"[a-c]":                {"a b c", "d -"},
		"[!a-c]":               {"d -", "a b c"},
		"[^a]":                 {"b ^", "a"},
		"[]a]":                 {"] a", "b"},
		"[!]a]":                {"b", "] a"},
		"[a-]":                 {"a -", "b"},
		"[-a]":                 {"a -", "b"},
		"[a-c-e]":              {"a b c - e", "d"},
		`[\]]`:                 {"]", `\`},
		`[a\-c]`:               {"a - c", "b"},
		`[\!a]`:                {"! a", "b"},
		"[c-a]":                {"", "a b c -"},
		"[[]":                  {"[", "]"},
		"[é-ü]":                {"é ö ü", "e z"},
		"[😀-😎]":                {"😃", "😏"},
		"[[:digit:]_]":         {"0 9 ٣ _", "a :"},
		"[![:alpha:]]":         {"1 _", "a é 日"},
		"[[:upper:][:space:]]": {"A É \t", "a"},
		"[[:nothing]":          {": n o [", "x"},
		"[\xfe\xff]":           {"\xfe \xff", "a ÿ"},
	} {
		for _, name := range strings.Split(names.in, " ") {
			if name != "" && !matches(t, pattern, name, true) {
				t.Errorf("%q does not match %q", pattern, name)
			}
		}
		for _, name := range strings.Split(names.out, " ") {
			if matches(t, pattern, name, true) {
				t.Errorf("%q matches %q", pattern, name)
			}
		}
	}
}

func TestWhatIsNotClosedIsText(t *testing.T) {
	for pattern, name := range map[string]string{
		"[abc": "[abc", "[": "[", "a[!": "a[!", "[]": "[]", "[!]": "[!]", "[a-": "[a-", "[[:alpha:": "[[:alpha:",
		"{a,b": "{a,b", "a}": "a}", "{": "{", "{}": "{}", "{a}": "{a}", `a\`: `a\`, `[a\`: `[a\`,
	} {
		if !matches(t, pattern, name, false) {
			t.Errorf("%s does not match %s", pattern, name)
		}
	}
	if matches(t, "[abc", "a", false) {
		t.Error("a class that is not closed matches one of its characters")
	}
}

func TestAPartThatEqualsANameMatchesIt(t *testing.T) {
	for _, path := range []string{
		"app/[...slug].ts", "app/[id]/page", "{a,b}.txt", "{a,{b,c}}/x", `back\slash`, "*?[a-z]{b,c}!", "[z-a]", "{1..3}", ".[a]",
	} {
		if !matches(t, path, path, false) {
			t.Errorf("%s does not match itself", path)
		}
	}
	if !matches(t, "**/[id].ts", "x/[id].ts", false) || !matches(t, "{src,app}/[id].ts", "app/[id].ts", false) {
		t.Error("a part behind other ones does not match the name that it equals")
	}
}

func TestABackslashTakesTheNextCharacterLiterally(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{`\*.ts`, "*.ts", true},
		{`\*.ts`, "a.ts", false},
		{`\[a]`, "[a]", true},
		{`\[a]`, "a", false},
		{`\{a,b\}`, "{a,b}", true},
		{`\{a,b\}`, "a", false},
		{`{a\,b,c}`, "a,b", true},
		{`{a\,b,c}`, "c", true},
		{`{a\,b,c}`, "b", false},
		{`\\{a,b}`, `\b`, true},
		{`\a`, "a", true},
		{`\é`, "é", true},
	} {
		if matches(t, c.pattern, c.name, false) != c.want {
			t.Errorf("%s on %s: not %v", c.pattern, c.name, c.want)
		}
	}
}

func TestWildcardsLeaveOutHiddenNamesUnlessTheyAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		plain, asked  bool
	}{
		{"*", ".env", false, true},
		{"**", ".git/config", false, true},
		{"**/*", "a/.git/config", false, true},
		{"?env", ".env", false, true},
		{"[.]env", ".env", false, true},
		{"[!a]env", ".env", false, true},
		{".*", ".env", true, true},
		{".git/*", ".git/config", true, true},
		{`\.env`, ".env", true, true},
		{"a*", "a.env", true, true},
		{"{.env,x}", ".env", true, true},
	} {
		if matches(t, c.pattern, c.path, false) != c.plain || matches(t, c.pattern, c.path, true) != c.asked {
			t.Errorf("%s on %s: not %v, and %v where it is asked for", c.pattern, c.path, c.plain, c.asked)
		}
	}
}

func TestBracesStandForTheirParts(t *testing.T) {
	for pattern, want := range map[string]string{
		"{a,b}":                     "a b",
		"x{a,b}y":                   "xay xby",
		"{a,b}{c,d}":                "ac ad bc bd",
		"{a,{b,c}d}":                "a bd cd",
		"{a,}x":                     "ax x",
		"{{a,b}}":                   "{a} {b}",
		"{a,{b,c}":                  "{a,b {a,c",
		"a}{b,c}":                   "a}b a}c",
		"{a}{b,c}":                  "{a}b {a}c",
		"{a,b}{":                    "a{ b{",
		"[{a,b}]":                   "[a] [b]",
		"{a/b,c}/d":                 "a/b/d c/d",
		"{1..3}":                    "1 2 3",
		"{3..1}":                    "3 2 1",
		"{-1..1}":                   "-1 0 1",
		"{08..10}":                  "08 09 10",
		"{-01..01}":                 "-01 000 001",
		"{1..7..3}":                 "1 4 7",
		"{7..1..-3}":                "7 4 1",
		"{1..2..0}":                 "1 2",
		"{a..c}":                    "a b c",
		"{Y..Z}":                    "Y Z",
		"{Y..a}":                    "{Y..a}",
		"{a..1}":                    "{a..1}",
		"{1..}":                     "{1..}",
		"{1...3}":                   "{1...3}",
		"{+1..3}":                   "{+1..3}",
		"{1..2..3..4}":              "{1..2..3..4}",
		"{1..2,x}":                  "1..2 x",
		"{x,{1..2}}":                "x 1 2",
		"{9e1..9e2}":                "{9e1..9e2}",
		"{1..1}":                    "1",
		"{1..3..99999}":             "1",
		"{99999999999999999999..1}": "{99999999999999999999..1}",
	} {
		got, ok := expandBraces(pattern)
		if !ok || !reflect.DeepEqual(got, strings.Split(want, " ")) {
			t.Errorf("%s stands for %q, %v", pattern, got, ok)
		}
	}
}

func TestDeepBracesAreTakenApart(t *testing.T) {
	open := strings.Repeat("{a,", 30)
	if !matches(t, open+"b"+strings.Repeat("}", 30), "b", false) || !matches(t, open, open, false) {
		t.Error("braces 30 deep do not match")
	}
	deepest := strings.Repeat("{a,", 900) + "b" + strings.Repeat("}", 900)
	if !matches(t, deepest, "b", false) {
		t.Error("braces 900 deep do not match")
	}
}

func TestAPatternThatCannotBeMeantIsRefused(t *testing.T) {
	for _, pattern := range []string{
		"", "a\x00b", strings.Repeat("a", maxPatternBytes+1), strings.Repeat("{a,b}", 10), strings.Repeat("{1,2}", 800),
		"{1..1001}", "{1..9000000000000000}", "{x,{1..1000}}", "{-9007199254740991..9007199254740991}",
		strings.Repeat("{1..1000}", 400), strings.Repeat("{a,", 1010) + strings.Repeat("}", 1010),
		// Few alternatives, but long ones.
		"{" + strings.Repeat("a,", 900) + "}" + strings.Repeat("x", 2000),
	} {
		var refused *wire.Error
		if _, err := compileGlob(pattern, false); !errors.As(err, &refused) || refused.Code != wire.InvalidArgument {
			t.Errorf("%.40q: %v", pattern, err)
		}
	}
	for _, pattern := range []string{strings.Repeat("{a,b}", 9), "{1..1000}", strings.Repeat("a", maxPatternBytes)} {
		if _, err := compileGlob(pattern, false); err != nil {
			t.Errorf("%.40q: %v", pattern, err)
		}
	}
}

func TestPatternsThatExplodeElsewhereAreMatchedStepByStep(t *testing.T) {
	name := strings.Repeat("a", 255)
	for _, pattern := range []string{
		strings.Repeat("*a", 1000) + "*b",
		strings.Repeat("**/", 1000) + "*a*b*c*",
		strings.Repeat("[a-z]*", 500) + "!",
		strings.Repeat("{*a,*b}", 9) + strings.Repeat("*a", 200) + "c",
	} {
		for i := 0; i < 20; i++ {
			if matches(t, pattern, strings.Repeat(name+"/", 10)+name, false) {
				t.Errorf("%.40s matches", pattern)
			}
		}
	}
}

func TestPositionsAscendWithoutRepeats(t *testing.T) {
	compiled, err := compileGlob("{**/a/**/a,a/**/a/**,**/**/a}", false)
	if err != nil {
		t.Fatal(err)
	}
	at := compiled.starts
	for i := 0; i < 6; i++ {
		for j := 1; j < len(at); j++ {
			if at[j] <= at[j-1] {
				t.Fatal(fmt.Sprint(at))
			}
		}
		at = compiled.advance(nil, at, "a")
	}
}
