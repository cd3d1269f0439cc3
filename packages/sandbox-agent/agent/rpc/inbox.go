package rpc

import (
	"sync"

	"carrel-agent/wire"
)

// inbox is what a client sent and nobody has read yet, in blocks that are used again: a long body
// passes through without leaving garbage of its own size behind.
type inbox struct {
	blocks     []*[wire.MaxChunk]byte
	start, end int // of what is unread: in the first block, and in the last one
}

var inboxBlocks = sync.Pool{New: func() any { return new([wire.MaxChunk]byte) }}

func (b *inbox) empty() bool { return len(b.blocks) == 0 }

func (b *inbox) add(data []byte) {
	for len(data) > 0 {
		if len(b.blocks) == 0 || b.end == wire.MaxChunk {
			b.blocks, b.end = append(b.blocks, inboxBlocks.Get().(*[wire.MaxChunk]byte)), 0
		}
		count := copy(b.blocks[len(b.blocks)-1][b.end:], data)
		b.end += count
		data = data[count:]
	}
}

func (b *inbox) read(into []byte) (count int) {
	for count < len(into) && len(b.blocks) > 0 {
		end := wire.MaxChunk
		if len(b.blocks) == 1 {
			end = b.end
		}
		copied := copy(into[count:], b.blocks[0][b.start:end])
		count += copied
		if b.start += copied; b.start == end {
			b.drop()
		}
	}
	return count
}

// drop gives the first block back.
func (b *inbox) drop() {
	inboxBlocks.Put(b.blocks[0])
	b.blocks, b.start = b.blocks[1:], 0
	if len(b.blocks) == 0 {
		b.blocks = nil
	}
}
