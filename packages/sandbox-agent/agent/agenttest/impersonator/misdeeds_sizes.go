package main

import "strings"

func sizeMisdeeds() []misdeed {
	return []misdeed{
		instead("endless-read", "sends files that never end", of("read", "readLines"), func(c *call) {
			c.bodyForEver([]byte("line\n"), 60_000)
		}),
		instead("endless-stream", "sends downloads that never end", of("readStream"), func(c *call) {
			c.bodyForEver([]byte("x"), 60_000)
		}),
		instead("endless-archive", "sends archives that never end", of("archive"), func(c *call) {
			c.bodyForEver(make([]byte, 512), 60_000)
		}),
		instead("endless-list", "sends lists that never end", (*call).isList, func(c *call) {
			if c.data([]byte("[")) {
				c.bodyForEver([]byte(c.element()+","), 60_000)
			}
		}),
		instead("endless-element", "sends a list whose first element never ends", (*call).isList, func(c *call) {
			if c.data([]byte(`[{"path":"`)) {
				c.bodyForEver([]byte("/x"), 60_000)
			}
		}),
		instead("body-over-limit", "sends more bytes than were asked for", of("read"), func(c *call) {
			if c.body(repeated([]byte("x"), 17<<20), 60_000) {
				c.result(c.resultOf())
			}
		}),
		instead("found-nothing-with-body", "finds nothing, and sends it", of("read", "readLines"), func(c *call) {
			c.data([]byte("x"))
			c.result(strings.Replace(c.resultOf(), "true", "false", 1))
		}),
		instead("one-huge-line", "sends 2 MiB without a line break as 2,000 lines", of("readLines"), func(c *call) {
			c.body(repeated([]byte("x"), 2<<20)[:2<<20], 60_000)
			c.result(strings.Replace(lineRange, `"lines":1`, `"lines":2000`, 1))
		}),
		instead("only-line-breaks", "sends 2 MiB of empty lines", of("readLines"), func(c *call) {
			c.body(repeated([]byte("\n"), 2<<20)[:2<<20], 60_000)
			c.result(strings.Replace(lineRange, `"lines":1`, `"lines":2097153`, 1))
		}),
	}
}

// results gives a misdeed with wrong results for some methods.
func results(name, about string, wrong map[string]string) misdeed {
	return misdeed{name: name, about: about, answer: func(c *call) {
		result, ok := wrong[c.method]
		if !ok {
			honest(c)
		} else if c.preamble() {
			if c.isList() {
				c.data([]byte("[]"))
			}
			c.result(result)
		}
	}}
}

func info(fields string) string { return `{"info":{` + fields + `}}` }

func lieMisdeeds() []misdeed {
	return []misdeed{
		results("lie-stat-negative", "tells a size below nothing",
			map[string]string{"stat": info(`"path":"/a","type":"file","size":-1,"mode":420,"mtimeMs":1`)}),
		results("lie-stat-huge", "tells numbers that no double holds",
			map[string]string{"stat": info(`"path":"/a","type":"file","size":1e400,"mode":1e99,"mtimeMs":1e300`)}),
		results("lie-stat-path", "tells a path that leads out",
			map[string]string{"stat": info(`"path":"/../../etc/shadow","type":"file","size":1,"mode":420,"mtimeMs":1`)}),
		results("lie-stat-type", "tells a type of its own",
			map[string]string{"stat": info(`"path":"/a","type":"constructor","size":1,"mode":420,"mtimeMs":1`)}),
		results("lie-lines", "tells other lines than it sends", map[string]string{
			"readLines": `{"found":true,"lines":1000000000,"offset":-5,"nextOffset":1.5,"totalLines":"many","hash":"x","cutLines":[-1],"binary":0}`}),
		results("lie-write", "tells that it has written something else", map[string]string{
			"write": `{"sizeBytes":-1,"hash":"../../etc","created":"yes"}`,
			"edit":  `{"replacements":0,"sizeBytes":1e999,"hash":"","firstLine":0}`}),
		results("lie-usage", "tells what files take without truth",
			map[string]string{"diskUsage": `{"bytes":-9007199254740993,"complete":1}`}),
		results("lie-truncated", "tells no truth about what was left out",
			map[string]string{"glob": `{"truncated":"no"}`, "grep": `{"truncated":{}}`, "remove": `{"removed":1}`}),
	}
}
