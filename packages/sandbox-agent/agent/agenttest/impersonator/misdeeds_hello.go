package main

import (
	"math/rand"
	"strings"
	"time"

	"carrel-agent/wire"
)

const deep = 100_000

// nested is JSON of many levels.
func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// helloWith is an honest hello but for one field, whose value is JSON.
func helloWith(field, value string) func(*speaker) {
	return helloText(`{"protocol":1,"agent":"0.1.0","instance":"` + instance + `","workDir":"/workspace","window":1048576,"` +
		field + `":` + value + `}`)
}

func helloText(text string) func(*speaker) {
	return func(s *speaker) { s.text(wire.Hello, 0, text) }
}

func says(name, about string, hello func(*speaker)) misdeed {
	return misdeed{name: name, about: about, hello: hello}
}

func helloMisdeeds() []misdeed {
	return []misdeed{
		says("hello-version", "names a version that nobody speaks", helloWith("protocol", "2")),
		says("hello-window-zero", "takes no bytes at all", helloWith("window", "0")),
		says("hello-window-huge", "takes more bytes than there are", helloWith("window", "9007199254740991")),
		says("hello-window-negative", "takes less than nothing", helloWith("window", "-1")),
		says("hello-window-text", "takes a window that is no number", helloWith("window", `"1e9"`)),
		says("hello-instance-path", "has a path for a name", helloWith("instance", `"../../../../etc/passwd"`)),
		says("hello-instance-object", "has a name that says it is an object",
			helloWith("instance", `{"lc":1,"type":"constructor","id":["langchain_core","nosuch","Klass"],"kwargs":{}}`)),
		says("hello-megabyte", "says 1 MiB of hello", helloWith("more", `"`+strings.Repeat("x", wire.MaxJSON-200)+`"`)),
		says("hello-over-its-bound", "announces a hello of 1 GiB", func(s *speaker) {
			s.raw(append(wire.AppendHeader(nil, wire.Hello, 0, 1<<30), repeated([]byte("x"), 1<<20)...))
		}),
		says("hello-nested", "nests its hello 100,000 deep", helloWith("more", nested(deep))),
		says("hello-prototype", "sets what every object inherits",
			helloWith("__proto__", `{"protocol":9,"window":1},"constructor":{"prototype":{"polluted":true}}`)),
		says("hello-no-json", "says a hello that is no JSON", helloText("{")),
		says("hello-twice", "says hello again and again", func(s *speaker) {
			s.json(wire.Hello, 0, honestHello())
			s.json(wire.Hello, 0, honestHello())
		}),
		says("hello-half", "says half of a hello", func(s *speaker) {
			s.raw(append(wire.AppendHeader(nil, wire.Hello, 0, 200), "{"...))
		}),
		says("hello-silent", "says no hello", func(*speaker) {}),
		says("hello-goodbye", "says goodbye, and that the sandbox is gone", func(s *speaker) {
			s.text(wire.Goodbye, 0, `{"code":"gone","message":"`+strings.Repeat("y", wire.MaxJSON-100)+`"}`)
		}),
		says("hello-random", "says random bytes without end", func(s *speaker) {
			chance := rand.New(rand.NewSource(1))
			bytes := make([]byte, 64*1024)
			for s.raw(bytes) {
				_, _ = chance.Read(bytes)
			}
		}),
		says("hello-then-close", "closes each connection after the hello", func(s *speaker) {
			s.json(wire.Hello, 0, honestHello())
			s.close()
		}),
		says("hello-byte-by-byte", "says hello one byte each 20 ms", func(s *speaker) {
			for _, letter := range frameOf(wire.Hello, 0, []byte(`{"protocol":1,"instance":"`+instance+`","window":1048576}`)) {
				s.raw([]byte{letter})
				time.Sleep(20 * time.Millisecond)
			}
		}),
	}
}
