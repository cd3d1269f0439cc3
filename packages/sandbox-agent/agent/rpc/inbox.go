package rpc

import (
	"sync"

	"carrel-agent/wire"
)

// inbox is what a client sent and nobody has read yet, in blocks. The large ones are used again: a
// long body passes through without leaving garbage of its own size behind. The first ones are small:
// a byte does not cost what a frame may carry.
type inbox struct {
	blocks     [][]byte // full but for the last one
	start, end int      // of what is unread: in the first block, and in the last one
	unread     int
}

// blockSizes are those of the blocks: each next one is for what is as much as the one before.
var blockSizes = [...]int{1024, 8 * 1024, wire.MaxChunk}

var largeBlocks = sync.Pool{New: func() any { return new([wire.MaxChunk]byte) }}

func (b *inbox) empty() bool { return len(b.blocks) == 0 }

func (b *inbox) add(data []byte) {
	for len(data) > 0 {
		if len(b.blocks) == 0 || b.end == len(b.blocks[len(b.blocks)-1]) {
			b.blocks, b.end = append(b.blocks, newBlock(b.unread, len(data))), 0
		}
		count := copy(b.blocks[len(b.blocks)-1][b.end:], data)
		b.end += count
		b.unread += count
		data = data[count:]
	}
}

// newBlock makes one that is no larger than what it is for and what is there already, or a little.
func newBlock(there, more int) []byte {
	for _, size := range blockSizes[:len(blockSizes)-1] {
		if there < size && more <= size {
			return make([]byte, size)
		}
	}
	return largeBlocks.Get().(*[wire.MaxChunk]byte)[:]
}

func (b *inbox) read(into []byte) (count int) {
	for count < len(into) && len(b.blocks) > 0 {
		end := len(b.blocks[0])
		if len(b.blocks) == 1 {
			end = b.end
		}
		copied := copy(into[count:], b.blocks[0][b.start:end])
		count += copied
		if b.start += copied; b.start == end {
			b.drop()
		}
	}
	b.unread -= count
	return count
}

// drop gives the first block back.
func (b *inbox) drop() {
	if len(b.blocks[0]) == wire.MaxChunk {
		largeBlocks.Put((*[wire.MaxChunk]byte)(b.blocks[0]))
	}
	b.blocks[0] = nil
	b.blocks, b.start = b.blocks[1:], 0
	if len(b.blocks) == 0 {
		b.blocks = nil
	}
}

// clear gives all blocks back; nothing is read any more.
func (b *inbox) clear() {
	for len(b.blocks) > 0 {
		b.drop()
	}
	b.unread = 0
}
