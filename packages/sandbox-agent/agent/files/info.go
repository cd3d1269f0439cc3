package files

import (
	"strconv"
	"syscall"

	"carrel-agent/wire"
)

const (
	modeBits = 0o7777
	// maxExact is the largest whole number that a reader of JSON in JavaScript gets as it was sent. A
	// sparse file can say that it is larger.
	maxExact = 1<<53 - 1
	// maxTimeMs is as far from 1970 as a date in JavaScript goes.
	maxTimeMs = 8_640_000_000_000_000
)

// Info is what stands at a path; links are not followed.
type Info struct {
	Path    wire.Bytes `json:"path"`
	Type    string     `json:"type"`
	Size    int64      `json:"size"`
	Mode    uint32     `json:"mode"`
	MtimeMs int64      `json:"mtimeMs"`
}

// Lstat tells what stands at a path; a link is not followed.
func Lstat(path string) (Info, error) {
	stat, err := statAt(atWorking, path, atNoFollow)
	if err != nil {
		return Info{}, err
	}
	return InfoOf(path, &stat), nil
}

// InfoOf is the Info of what stands at a path, from what the kernel told of it.
func InfoOf(path string, stat *syscall.Stat_t) Info {
	return Info{
		Path:    wire.Bytes(path),
		Type:    typeOf(stat),
		Size:    within(stat.Size, 0, maxExact),
		Mode:    stat.Mode & modeBits,
		MtimeMs: timeMs(stat.Mtim),
	}
}

func typeOf(stat *syscall.Stat_t) string {
	switch stat.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return "file"
	case syscall.S_IFDIR:
		return "directory"
	case syscall.S_IFLNK:
		return "symlink"
	}
	return "other"
}

func timeMs(time syscall.Timespec) int64 {
	seconds := within(time.Sec, -maxTimeMs/1000, maxTimeMs/1000)
	return within(seconds*1000+time.Nsec/1_000_000, -maxTimeMs, maxTimeMs)
}

func within(value, low, high int64) int64 {
	if value < low {
		return low
	}
	if value > high {
		return high
	}
	return value
}

// AppendJSON adds the Info as json.Marshal would write it, without taking its type apart each time:
// a directory has thousands.
func (i Info) AppendJSON(out []byte) []byte {
	path, _ := i.Path.MarshalJSON() // which has no error to give
	out = append(append(out, `{"path":`...), path...)
	out = append(append(append(out, `,"type":"`...), i.Type...), `","size":`...)
	out = append(strconv.AppendInt(out, i.Size, 10), `,"mode":`...)
	out = append(strconv.AppendUint(out, uint64(i.Mode), 10), `,"mtimeMs":`...)
	return append(strconv.AppendInt(out, i.MtimeMs, 10), '}')
}
