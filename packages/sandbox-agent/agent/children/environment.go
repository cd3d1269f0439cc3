package children

import (
	"bytes"
	"strings"
)

// MarkName is the variable that every program has its mark in, and with it all that it starts.
const MarkName = "CARREL_PROCESS"

// Environment is a base with variables added to it, and the mark.
func Environment(base []string, added map[string]string, mark string) []string {
	result := make([]string, 0, len(base)+len(added)+1)
	result = append(result, MarkName+"="+mark)
	for _, variable := range base {
		name := variable
		if end := strings.IndexByte(variable, '='); end >= 0 {
			name = variable[:end]
		}
		if _, replaced := added[name]; !replaced && name != MarkName {
			result = append(result, variable)
		}
	}
	for name, value := range added {
		if name != MarkName {
			result = append(result, name+"="+value)
		}
	}
	return result
}

// marks tells of the environment of a process whether it has the mark, or another one that begins
// with the instance.
func marks(environment []byte, mark, instance string) (own, other bool) {
	prefix := []byte(MarkName + "=")
	for len(environment) > 0 {
		variable := environment
		if end := bytes.IndexByte(environment, 0); end >= 0 {
			variable, environment = environment[:end], environment[end+1:]
		} else {
			environment = nil
		}
		if !bytes.HasPrefix(variable, prefix) {
			continue
		}
		value := string(variable[len(prefix):])
		own = own || value == mark
		other = other || value != mark && strings.HasPrefix(value, instance+"-")
	}
	return own, other
}
