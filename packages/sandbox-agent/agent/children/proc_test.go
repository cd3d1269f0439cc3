package children

import (
	"reflect"
	"sort"
	"testing"
)

func TestReadsTheStatOfAProgramWithAnyName(t *testing.T) {
	text := "42 (a) S 1 (b) T 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 5 6"
	got, ok := parseStat(42, []byte(text))
	want := proc{pid: 42, parent: 7, group: 8, session: 9, state: 'T', start: 123456}
	if !ok || got != want {
		t.Fatalf("%+v", got)
	}
	for _, broken := range []string{"", "42 (sh", "42 (sh)", "42 (sh) S 1"} {
		if _, ok := parseStat(42, []byte(broken)); ok {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestReadsMarksToTheByte(t *testing.T) {
	cases := map[string][2]bool{
		"CARREL_PROCESS=i-1\x00A=b\x00":   {true, false},
		"A=b\x00CARREL_PROCESS=i-1":       {true, false},
		"CARREL_PROCESS=i-12\x00":         {false, true},
		"XCARREL_PROCESS=i-1\x00":         {false, false},
		"A=\nCARREL_PROCESS=i-1\x00":      {false, false},
		"CARREL_PROCESS=other-1\x00":      {false, false},
		"CARREL_PROCESS=i-2\x00\x00X=1":   {false, true},
		"":                                {false, false},
		"CARREL_PROCESS=\x00NO_VALUE\x00": {false, false},
	}
	for environment, want := range cases {
		if own, other := marks([]byte(environment), "i-1", "i"); own != want[0] || other != want[1] {
			t.Errorf("%q: own %v, other %v", environment, own, other)
		}
	}
}

func TestMakesAnEnvironment(t *testing.T) {
	base := []string{"A=1", "B=2", "CARREL_PROCESS=forged", "AB=3"}
	got := Environment(base, map[string]string{"A": "x", "C": "y", "CARREL_PROCESS": "forged"}, "mark")
	if got[0] != "CARREL_PROCESS=mark" {
		t.Errorf("the mark is not in front: %v", got)
	}
	sort.Strings(got)
	if want := []string{"A=x", "AB=3", "B=2", "C=y", "CARREL_PROCESS=mark"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v and not %v", got, want)
	}
}
