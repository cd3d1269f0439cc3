package files

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"carrel-agent/wire"
)

type watched struct {
	*testCall
	t    *testing.T
	root string
}

// watches waits until the watch sees: it tells of a file that is made for that.
func (c *client) watches(root string) *watched {
	c.t.Helper()
	w := &watched{c.open("watch", params{"path": root}), c.t.(*testing.T), root}
	for round := 0; ; round++ {
		name := fmt.Sprint(root, beginning, round)
		makeFile(c.t, name, "")
		must(c.t, os.Remove(name))
		select {
		case <-w.events:
			return w
		case <-w.over:
			c.t.Fatal(w.err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const beginning = "/.begin-"

// next gives what is told next; nil where nothing is.
func (w *watched) next(within time.Duration) *fileEvent {
	w.t.Helper()
	for over := time.After(within); ; {
		select {
		case text := <-w.events:
			var event fileEvent
			must(w.t, json.Unmarshal(text, &event))
			if !strings.Contains(string(event.Path), beginning) {
				return &event
			}
		case <-over:
			return nil
		}
	}
}

// tells waits for events, in any order with others between them.
func (w *watched) tells(wanted ...string) {
	w.t.Helper()
	missing := map[string]bool{}
	for _, event := range wanted {
		missing[event] = true
	}
	var seen []string
	for len(missing) > 0 {
		event := w.next(testDeadline)
		if event == nil {
			w.t.Fatalf("not told: %v; told: %v", missing, seen)
		}
		text := event.Type + " " + strings.TrimPrefix(string(event.Path), w.root)
		seen = append(seen, text)
		delete(missing, text)
	}
}

func TestWatchTellsOfChanges(t *testing.T) {
	c, root := agent(t), t.TempDir()
	makeFile(t, root+"/a/b/file", "x")
	w := c.watches(root)
	makeFile(t, root+"/new", "x")
	w.tells("created /new")
	file, err := os.OpenFile(root+"/a/b/file", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteString("more")
	must(t, err)
	w.tells("changed /a/b/file")
	must(t, file.Close())
	must(t, os.Chmod(root+"/new", 0o600))
	w.tells("changed /new")
	must(t, os.Rename(root+"/new", root+"/a/moved"))
	w.tells("removed /new", "created /a/moved")
	must(t, os.Remove(root+"/a/moved"))
	w.tells("removed /a/moved")
	makeFile(t, root+"/\xff\n", "x")
	w.tells("created /\xff\n")
	w.cancel()
	if code := w.wait(); code != wire.Aborted {
		t.Errorf("%v", w.err)
	}
}

func TestWatchFollowsDirectoriesThatCome(t *testing.T) {
	c, root, outside := agent(t), t.TempDir(), t.TempDir()
	w := c.watches(root)
	makeFile(t, root+"/a/b/c/file", "x")
	w.tells("created /a", "created /a/b", "created /a/b/c", "created /a/b/c/file")
	makeFile(t, root+"/a/b/c/later", "x")
	w.tells("created /a/b/c/later")
	must(t, os.Rename(root+"/a", root+"/moved"))
	w.tells("removed /a", "created /moved", "created /moved/b/c/file")
	makeFile(t, root+"/moved/b/c/last", "x")
	w.tells("created /moved/b/c/last")
	must(t, os.Rename(root+"/moved", outside+"/gone"))
	w.tells("removed /moved")
	makeFile(t, outside+"/gone/b/unseen", "x")
	makeFile(t, root+"/end", "x")
	for event := w.next(testDeadline); string(event.Path) != root+"/end"; event = w.next(testDeadline) {
		if strings.Contains(string(event.Path), "unseen") {
			t.Errorf("%+v is outside", event)
		}
	}
}

func TestWatchFollowsNoLinkBelowItsRoot(t *testing.T) {
	c, root, outside := agent(t), t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, root+"/link"))
	must(t, os.Symlink(".", root+"/self"))
	link := t.TempDir() + "/root"
	must(t, os.Symlink(root, link))
	w := c.watches(link)
	makeFile(t, outside+"/unseen", "x")
	makeFile(t, root+"/seen", "x")
	if event := w.next(testDeadline); string(event.Path) != link+"/seen" {
		t.Errorf("%+v", event)
	}
}

func TestWatchTellsOfAWriteOnceAndNotOfItsDraft(t *testing.T) {
	c, root := agent(t), t.TempDir()
	w := c.watches(root)
	c.do("write", params{"path": root + "/file"}, strings.Repeat("x", 1_000_000))
	if event := w.next(testDeadline); event == nil || event.Type != created || string(event.Path) != root+"/file" {
		t.Fatalf("%+v", event)
	}
	makeFile(t, root+"/end", "")
	if event := w.next(testDeadline); event == nil || string(event.Path) != root+"/end" {
		t.Errorf("%+v", event)
	}
}

func TestWatchGathersWhatHappensTogether(t *testing.T) {
	c, root := agent(t), t.TempDir()
	makeFile(t, root+"/log", "")
	w := c.watches(root)
	file, err := os.OpenFile(root+"/log", os.O_WRONLY, 0)
	must(t, err)
	defer file.Close()
	const writes = 20_000
	for i := 0; i < writes; i++ {
		_, err := file.WriteString("x")
		must(t, err)
	}
	makeFile(t, root+"/end", "x")
	told := 0
	for event := w.next(testDeadline); string(event.Path) != root+"/end"; event = w.next(testDeadline) {
		told++
	}
	if told == 0 || told > writes/10 {
		t.Errorf("told %d times of %d changes", told, writes)
	}
}

func TestWatchSaysThatItLostSomething(t *testing.T) {
	c, root := agent(t), t.TempDir()
	w := &watching{root: root, last: map[string]string{}}
	for i := 0; i <= 2*maxGathered; i++ {
		w.tell(created, fmt.Sprint(root, "/", i))
	}
	if len(w.events) != 1 || w.events[0] != (fileEvent{changed, wire.Bytes(root)}) {
		t.Errorf("%d events", len(w.events))
	}
	changes, err := newInotify(nil)
	must(t, err)
	defer changes.close()
	w = &watching{root: root, changes: changes, last: map[string]string{}}
	makeFile(t, root+"/came/while/lost", "x")
	must(t, w.apply(context.Background(), change{mask: syscall.IN_Q_OVERFLOW}))
	if len(changes.paths) != 3 || len(w.events) != 1 {
		t.Errorf("%v %v", changes.paths, w.events)
	}
	c.disconnect()
}

func TestWatchEndsWithItsRoot(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	for _, end := range []func(path string) error{os.RemoveAll, func(path string) error { return os.Rename(path, path+"-moved") }} {
		must(t, os.Mkdir(directory+"/root", 0o755))
		w := c.watches(directory + "/root")
		must(t, end(directory+"/root"))
		if code := w.wait(); code != wire.NotFound {
			t.Errorf("%v", w.err)
		}
		w.tells("removed ")
	}
}

func TestWatchRefusesWhatItCannotWatch(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	c.fails(wire.NotFound, "watch", params{"path": directory + "/absent"}, "")
	c.fails(wire.NotDirectory, "watch", params{"path": directory + "/file"}, "")
	for i := 0; i < maxWatches; i++ {
		must(t, os.Mkdir(fmt.Sprintf("%s/%d", directory, i), 0o755))
	}
	c.fails(wire.TooLarge, "watch", params{"path": directory}, "")
}

func TestWatchIsGivenBackWithItsConnection(t *testing.T) {
	root := t.TempDir()
	before := openDescriptors(t)
	c := agent(t)
	c.watches(root)
	c.disconnect()
	expectDescriptors(t, before)
}
