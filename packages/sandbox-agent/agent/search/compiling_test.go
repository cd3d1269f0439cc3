package search

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"carrel-agent/wire"
)

// heldBy is how much more is in memory with what is made than without it.
func heldBy(make func() any) int {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return int(after.HeapAlloc) - int(before.HeapAlloc)
}

func TestPatternsCostAboutWhatTheyTakeInMemory(t *testing.T) {
	braces := "{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}"
	for name, pattern := range map[string]string{
		"wildcards":    braces + strings.Repeat("?*", 200),
		"classes":      braces + strings.Repeat("[a-cx-z]", 50),
		"one name":     strings.Repeat("x", 4000),
		"alternatives": braces,
	} {
		cost := 0
		held := heldBy(func() any {
			compiled, err := compileGlob(pattern, false)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cost = compiled.cost()
			return compiled
		})
		if slack := 64 * 1024; held > cost+slack {
			t.Errorf("glob of %s: %d bytes are held, and %d counted", name, held, cost)
		}
	}
	for name, pattern := range map[string]string{
		"repetitions": "((a{20}b){10}){4}",
		"classes":     strings.Repeat("\\pL.", 500),
		"words":       strings.Repeat("(word|other)", 1000),
	} {
		cost := 0
		held := heldBy(func() any {
			compiled, err := compileMatcher(pattern, false, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cost = compiled.cost
			return compiled
		})
		if slack := 64 * 1024; held > cost+slack {
			t.Errorf("expression of %s: %d bytes are held, and %d counted", name, held, cost)
		}
	}
}

func TestAnExpressionWhoseClassesAreTooMuchIsRefused(t *testing.T) {
	_, err := compileMatcher(strings.Repeat("\\pL\\pN", 10_000), false, false)
	if refused, ok := err.(*wire.Error); !ok || refused.Code != wire.InvalidArgument {
		t.Fatal(fmt.Sprint(err))
	}
}
