package main

import (
	"fmt"
	"strings"
)

// lists gives a misdeed with a body of its own for the methods that list.
func lists(name, about string, body func(*call) string) misdeed {
	return instead(name, about, (*call).isList, func(c *call) {
		if c.body([]byte(body(c)), 60_000) {
			c.result(c.resultOf())
		}
	})
}

func fileNamed(name string) string {
	return `{"path":"` + name + `","type":"file","size":1,"mode":420,"mtimeMs":1}`
}

func listMisdeeds() []misdeed {
	return []misdeed{
		lists("list-full", "lists 100,000 entries", func(c *call) string { return "[" + listOf(c, 100_000) + "]" }),
		lists("list-over", "lists 150,000 entries", func(c *call) string { return "[" + listOf(c, 150_000) + "]" }),
		lists("list-million", "lists a million entries", func(c *call) string { return "[" + listOf(c, 1_000_000) + "]" }),
		lists("list-long-names", "lists names of 4,000 bytes", func(c *call) string {
			long := fileNamed("/workspace/" + strings.Repeat("n", 4000))
			return "[" + strings.TrimSuffix(strings.Repeat(long+",", 10_000), ",") + "]"
		}),
		lists("list-huge-name", "lists a name of 1 MiB", func(*call) string {
			return "[" + fileNamed("/workspace/"+strings.Repeat("n", 1<<20)) + "]"
		}),
		lists("list-duplicates", "lists one name again and again", func(c *call) string { return "[" + listOf(c, 1000) + "]" }),
		lists("list-disorder", "lists names in no order", func(*call) string {
			var all []string
			for n := 1000; n > 0; n-- {
				all = append(all, fileNamed(fmt.Sprintf("/workspace/%d", n)))
			}
			return "[" + strings.Join(all, ",") + "]"
		}),
		lists("list-elsewhere", "lists what is in no such directory", func(*call) string {
			return "[" + fileNamed("/etc/shadow") + "," + fileNamed("/../../host") + "," + fileNamed("relative") + "]"
		}),
		lists("list-no-objects", "lists what are no objects", func(*call) string { return `[1,"a",null,[]]` }),
		lists("list-wrong-fields", "lists objects with other fields", func(*call) string {
			return `[{"path":1,"type":[],"size":"big","mode":-1,"mtimeMs":null}]`
		}),
		lists("list-nested", "nests an entry 100,000 deep", func(*call) string {
			return `[{"path":` + strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep) + `}]`
		}),
		lists("list-many-fields", "has 50,000 fields in one entry", func(*call) string {
			var all strings.Builder
			for n := 0; n < 50_000; n++ {
				fmt.Fprintf(&all, `"f%d":0,`, n)
			}
			return `[{` + all.String() + `"path":"/a"}]`
		}),
		lists("list-prototype", "sets what every object inherits", func(*call) string {
			return `[{"__proto__":{"polluted":true},"path":"/a","type":"file","size":1,"mode":420,"mtimeMs":1}]`
		}),
		lists("list-surrogates", "lists names that stand for no bytes", func(*call) string {
			return `[` + fileNamed(`/workspace/\ud800`) + `,` + fileNamed(`/workspace/a\u0000b`) + `]`
		}),
		lists("list-unclosed", "lists without an end", func(c *call) string { return "[" + listOf(c, 10) + "," }),
		lists("list-spaces", "lists 40 MiB of spaces", func(*call) string { return "[" + strings.Repeat(" ", 40<<20) + "]" }),
		lists("list-empty-elements", "lists nothing between commas", func(*call) string {
			return "[" + strings.Repeat(",", 1<<20) + "]"
		}),
		instead("processes-huge-commands", "lists processes with commands of 500 KiB", of("processes"), func(c *call) {
			one := strings.Replace(running, `"true"`, `"`+strings.Repeat("c", 500<<10)+`"`, 1)
			if c.body([]byte("["+strings.TrimSuffix(strings.Repeat(one+",", 100), ",")+"]"), 60_000) {
				c.result(`{}`)
			}
		}),
	}
}
