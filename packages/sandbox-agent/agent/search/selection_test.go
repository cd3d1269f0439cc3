package search

import (
	"fmt"
	"math/rand"
	"reflect"
	"sort"
	"strings"
	"testing"
)

func TestASelectionOfLongNamesStaysWithinItsBytes(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var all []string
	long := strings.Repeat("x", 200)
	for i := 0; i < 20_000; i++ {
		all = append(all, fmt.Sprintf("%08x%s", random.Uint32(), long[:random.Intn(len(long))]))
	}
	const most = 256 * 1024
	var selected []string
	for after, more := "", true; more; {
		found := selection{after: after, bound: maxHeld / 2, most: most}
		for _, name := range all {
			found.add([]byte(name), false)
			if found.bytes > most+256+entryCost {
				t.Fatalf("%d bytes are held", found.bytes)
			}
		}
		found.finish()
		selected = append(selected, found.entries...)
		after, more = selected[len(selected)-1], found.more
	}
	sort.Strings(all)
	if !reflect.DeepEqual(selected, all) {
		t.Fatalf("%d entries of %d", len(selected), len(all))
	}
}
