package main

// misdeeds are all that have a name. Each is honest in everything that it does not say.
func misdeeds() []misdeed {
	var all []misdeed
	for _, group := range [][]misdeed{
		helloMisdeeds(), frameMisdeeds(), errorMisdeeds(), floodMisdeeds(), sizeMisdeeds(), lieMisdeeds(),
		listMisdeeds(), outputMisdeeds(), silenceMisdeeds(),
	} {
		all = append(all, group...)
	}
	return all
}

// instead gives a misdeed that answers some calls otherwise and all others honestly.
func instead(name, about string, wrong func(*call) bool, answer func(*call)) misdeed {
	return misdeed{name: name, about: about, answer: func(c *call) {
		if wrong(c) {
			answer(c)
		} else {
			honest(c)
		}
	}}
}

// everyCall gives a misdeed that answers all calls in one way.
func everyCall(name, about string, answer func(*call)) misdeed {
	return misdeed{name: name, about: about, answer: answer}
}

func of(methods ...string) func(*call) bool {
	return func(c *call) bool {
		for _, method := range methods {
			if c.method == method {
				return true
			}
		}
		return false
	}
}

// hasBody tells a call with a body that is no JSON.
var hasBody = of("read", "readLines", "readStream", "archive", "openTerminal", "connect")
