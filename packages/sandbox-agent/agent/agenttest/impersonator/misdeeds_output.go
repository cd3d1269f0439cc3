package main

import (
	"strings"

	"carrel-agent/wire"
)

// runs gives a misdeed that answers what has output, once it has begun.
func runs(name, about string, then func(*call)) misdeed {
	return instead(name, about, (*call).isOutput, func(c *call) {
		if c.preamble() {
			then(c)
		}
	})
}

// ends gives a misdeed with a result of its own for processes.
func ends(name, about, result string) misdeed {
	return runs(name, about, func(c *call) {
		c.output(1, 1, "a\n")
		c.result(result)
	})
}

// begins gives a misdeed that tells of a process something else when it begins.
func begins(name, about, event string) misdeed {
	return instead(name, about, (*call).isOutput, func(c *call) {
		c.event(event)
		c.result(exited)
	})
}

func outcome(fields string) string {
	return `{` + fields + `,"signal":null,"truncated":false,"durationMs":1}`
}

func outputMisdeeds() []misdeed {
	return []misdeed{
		runs("sequence-back", "numbers output backwards", func(c *call) {
			c.output(1, 5, "five")
			c.output(1, 4, "four")
			c.result(exited)
		}),
		runs("sequence-same", "gives each chunk the same number", func(c *call) {
			c.output(1, 1, "one")
			c.output(1, 1, "other")
			c.result(exited)
		}),
		runs("sequence-jump", "leaves out most numbers", func(c *call) {
			c.output(1, 1, "a")
			c.output(2, 1<<32-1, "b")
			c.result(exited)
		}),
		runs("sequence-zero", "begins with number 0", func(c *call) {
			c.output(1, 0, "a")
			c.result(exited)
		}),
		runs("channel-unknown", "writes to a third stream", func(c *call) {
			c.output(3, 1, "a")
			c.result(exited)
		}),
		runs("chunk-headless", "sends output without its head", func(c *call) {
			c.data([]byte{1, 0})
			c.result(exited)
		}),
		runs("output-event", "tells events amid output", func(c *call) {
			c.event(`{"id":"p2"}`)
			c.result(exited)
		}),
		runs("output-objects", "writes objects that a library revives", func(c *call) {
			c.output(1, 1, `{"lc":1,"type":"constructor","id":["langchain_core","nosuch","Klass"],"kwargs":{}}`)
			c.result(exited)
		}),
		runs("output-no-text", "writes bytes that are no text", func(c *call) {
			c.output(1, 1, "\xff\xfe\xed\xa0\x80\x00\x1b[2J\u202e")
			c.output(2, 2, "\xe6\x97")
			c.result(exited)
		}),
		ends("exit-code-out-of-range", "exits with a code that none can have", outcome(`"outcome":"exited","exitCode":99999`)),
		ends("exit-code-missing", "exits without a code", outcome(`"outcome":"exited","exitCode":null`)),
		ends("exit-code-amiss", "times out with a code", outcome(`"outcome":"timed-out","exitCode":0`)),
		ends("outcome-unknown", "ends in a way that there is not", outcome(`"outcome":"toString","exitCode":null`)),
		ends("duration-huge", "lasted longer than there is time",
			`{"outcome":"exited","exitCode":0,"signal":null,"truncated":false,"durationMs":1e308}`),
		ends("signal-text", "ends by a signal that is a command",
			`{"outcome":"signaled","exitCode":null,"signal":"SIGKILL; rm -rf /","truncated":false,"durationMs":1}`),
		begins("started-id", "has an id that is a path", `{"id":"../../x","startedAt":"2026-01-31T12:00:00.000Z","open":true}`),
		begins("started-id-huge", "has an id of 900,000 bytes",
			`{"id":"`+strings.Repeat("i", 900_000)+`","startedAt":"2026-01-31T12:00:00.000Z","open":true}`),
		begins("started-time", "started at a time that is none", `{"id":"p1","startedAt":"yesterday","open":true}`),
		runs("never-ends", "never ends", (*call).untilCancel),
		misdeed{name: "kill-unanswered", about: "never ends, and answers no kill", answer: func(c *call) {
			if c.method == "kill" {
				c.untilCancel()
			} else if c.isOutput() && c.preamble() {
				c.untilCancel()
			} else if !c.isOutput() {
				honest(c)
			}
		}},
		misdeed{name: "kill-fails", about: "never ends, and fails each kill with another code", answer: func(c *call) {
			switch {
			case c.method == "kill":
				c.failure(`{"code":"permission-denied","message":"no"}`)
			case c.isOutput() && c.preamble():
				c.untilCancel()
			default:
				honest(c)
			}
		}},
		{name: "instance-changes", about: "is another agent on each connection, and breaks each", hello: func(s *speaker) {
			hello := honestHello()
			hello["instance"] = randomInstance()
			s.json(wire.Hello, 0, hello)
		}, answer: func(c *call) {
			c.preamble()
			c.close()
		}},
	}
}
