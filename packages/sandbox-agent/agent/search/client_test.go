package search

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"carrel-agent/agenttest"
	"carrel-agent/files"
	"carrel-agent/wire"
)

type params = agenttest.Params

// bench is a directory and an agent that searches it.
type bench struct {
	*testing.T
	client    *agenttest.Client
	directory string
}

func newBench(t *testing.T) bench {
	t.Helper()
	return bench{t, agenttest.Connect(t, Methods()), t.TempDir()}
}

func (b bench) path(name string) string { return filepath.Join(b.directory, name) }

func (b bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// write makes files and their parents.
func (b bench) write(content string, names ...string) {
	b.Helper()
	for _, name := range names {
		b.must(os.MkdirAll(filepath.Dir(b.path(name)), 0o755))
		b.must(os.WriteFile(b.path(name), []byte(content), 0o644))
	}
}

// with adds to the parameters that every search needs those of this one.
func (b bench) with(given params) params {
	all := params{"path": b.directory, "limit": 1000, "hidden": false, "timeoutMs": 60_000}
	for name, value := range given {
		all[name] = value
	}
	return all
}

// glob gives the paths below the directory that were found, and whether there are more.
func (b bench) glob(pattern string, given params) ([]string, bool) {
	b.Helper()
	var found []files.Info
	truncated := b.search("glob", pattern, given, &found)
	paths := []string{}
	for _, info := range found {
		paths = append(paths, strings.TrimPrefix(string(info.Path), b.directory+"/"))
	}
	return paths, truncated
}

type match struct {
	Path wire.Bytes `json:"path"`
	Line int64      `json:"line"`
	Text wire.Bytes `json:"text"`
}

// grep gives the matches, their paths below the directory, and whether there are more.
func (b bench) grep(pattern string, given params) ([]match, bool) {
	b.Helper()
	found := []match{}
	truncated := b.search("grep", pattern, given, &found)
	for i, one := range found {
		found[i].Path = wire.Bytes(strings.TrimPrefix(string(one.Path), b.directory+"/"))
	}
	return found, truncated
}

func (b bench) search(method, pattern string, given params, into any) bool {
	b.Helper()
	given = b.with(given)
	given["pattern"] = wire.Bytes(pattern)
	var result outcome
	body, failed := b.client.Open(method, given).Finish(&result)
	if failed != nil {
		b.Fatalf("%s %.100q: %v", method, pattern, failed)
	}
	if err := json.Unmarshal(body, into); err != nil {
		b.Fatalf("%s %.100q: %v in %.200s", method, pattern, err, body)
	}
	return result.Truncated
}

// fails expects an error.
func (b bench) fails(code wire.Code, method string, given params) *wire.Error {
	b.Helper()
	var result any
	_, failed := b.client.Open(method, b.with(given)).Finish(&result)
	if failed == nil || failed.Code != code {
		b.Fatalf("%s %.100q: %v and not %s", method, given["pattern"], failed, code)
	}
	return failed
}

func (b bench) expect(got []string, want ...string) {
	b.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		b.Errorf("%q and not %q", got, want)
	}
}
