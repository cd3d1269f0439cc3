package process

import (
	"sync"

	"carrel-agent/wire"
)

const (
	stdout = 1
	stderr = 2
	// What a chunk costs beside its bytes, in an array that grows by doubling.
	chunkCost = 64
	// joinBytes is the size from which a chunk is sent at once: more would not make its frame cheaper.
	joinBytes = wire.MaxChunk / 4
)

type chunk struct {
	stream byte
	data   []byte
}

// recording is what one process wrote, in chunks with numbers: 1, then one more for each. A chunk
// never changes once a reader has it.
type recording struct {
	budget *budget
	limit  int

	mu      sync.Mutex
	chunks  []chunk
	first   uint32 // the number of chunks[0]
	given   uint32 // the highest number that a reader has
	written int
	cost    int
	dropped bool
	ended   bool
	arena   []byte        // small chunks are put into it one after the other
	changed chan struct{} // closed at the next change; nil where nobody waits
}

func newRecording(budget *budget, limit int) *recording {
	return &recording{budget: budget, limit: limit, first: 1}
}

// add keeps what a process wrote; false where it is more than the process may write.
func (r *recording) add(stream byte, data []byte) bool {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return true
	}
	within := len(data) <= r.limit-r.written
	if !within {
		data = data[:r.limit-r.written]
		r.dropped = true
	}
	before := r.cost
	if len(data) > 0 {
		r.append(stream, data)
		r.wake()
	}
	added := r.cost - before
	r.mu.Unlock()
	if excess := r.budget.use(added); excess > 0 {
		r.budget.free(r.dropOldest(excess))
	}
	return within
}

// append lengthens the last chunk where no reader has it yet: many small writes would cost more than
// what they write.
func (r *recording) append(stream byte, data []byte) {
	r.written += len(data)
	r.cost += len(data)
	last := r.first + uint32(len(r.chunks)) - 1
	if len(r.chunks) > 0 && last > r.given {
		tail := &r.chunks[len(r.chunks)-1]
		if tail.stream == stream && len(data) <= cap(tail.data)-len(tail.data) {
			tail.data = append(tail.data, data...)
			r.arena = r.arena[len(data):]
			return
		}
	}
	r.cost += chunkCost
	if len(data) > wire.MaxChunk/4 {
		own := make([]byte, len(data))
		copy(own, data)
		r.chunks = append(r.chunks, chunk{stream: stream, data: own})
		return
	}
	if len(data) > len(r.arena) {
		r.arena = make([]byte, arenaSize(r.written, len(data)))
	}
	size := copy(r.arena, data)
	// The capacity reaches to the end of the arena: the last chunk may grow into it, and an earlier
	// one, which could too, never does.
	r.chunks = append(r.chunks, chunk{stream: stream, data: r.arena[:size]})
	r.arena = r.arena[size:]
}

// arenaSize doubles with what was written, so that a short output takes little memory.
func arenaSize(written, atLeast int) int {
	size := written
	if size > wire.MaxChunk {
		size = wire.MaxChunk
	}
	if size < atLeast {
		size = atLeast
	}
	return size
}

func (r *recording) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// end lets readers know that nothing more comes.
func (r *recording) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.arena = nil
	r.wake()
}

// lose says that something was written that could not be read.
func (r *recording) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = true
}

// isTruncated tells whether some of the output is not there any more, or never was.
func (r *recording) isTruncated() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// reading is the next chunk after a number. Without data there is none yet: changed is closed when
// that may be different, and is nil where none comes any more.
type reading struct {
	chunk
	number  uint32
	changed <-chan struct{}
	// growing tells that there is a chunk, which was not taken because more may be added to it.
	growing bool
}

// after gives the chunk after a number. With join, one that more can be added to is not taken yet.
func (r *recording) after(number uint32, join bool) reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := number + 1
	if next < r.first {
		next = r.first
	}
	if index := int64(next) - int64(r.first); index < int64(len(r.chunks)) {
		if next > r.given {
			isLast := index == int64(len(r.chunks))-1
			if join && isLast && !r.ended && len(r.chunks[index].data) < joinBytes {
				return reading{growing: true}
			}
			r.given = next
		}
		return reading{chunk: r.chunks[index], number: next}
	}
	if r.ended {
		return reading{}
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return reading{changed: r.changed}
}

// drop frees all, and tells how much that was.
func (r *recording) drop() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	freed := r.cost
	r.dropped = r.dropped || len(r.chunks) > 0
	r.first += uint32(len(r.chunks))
	r.chunks, r.arena, r.cost = nil, nil, 0
	return freed
}

// dropOldest frees at least so many bytes where there are as many, and tells how many it were.
func (r *recording) dropOldest(size int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	freed := 0
	for freed < size && len(r.chunks) > 0 {
		freed += len(r.chunks[0].data) + chunkCost
		r.chunks[0] = chunk{}
		r.chunks = r.chunks[1:]
		r.first++
		r.dropped = true
	}
	r.cost -= freed
	return freed
}
