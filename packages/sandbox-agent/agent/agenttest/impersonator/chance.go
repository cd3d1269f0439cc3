package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand"
	"time"

	"carrel-agent/wire"
)

func randomInstance() string {
	return fmt.Sprintf("%016x", time.Now().UnixNano())
}

// byChance gives an agent that picks what it does wrong: for each connection something, and for each
// call something else. The same seed picks the same, in the order in which calls come.
func byChance(seed int64) misdeed {
	chance := rand.New(rand.NewSource(seed))
	named := misdeeds()
	deed := misdeed{name: fmt.Sprintf("seed-%d", seed)}
	// Most connections are greeted honestly: otherwise nothing else of them is seen.
	if chance.Intn(8) == 0 {
		deed.hello = named[chance.Intn(len(named))].hello
	}
	if chance.Intn(3) == 0 {
		deed.noise = noiseByChance(chance.Int63())
	}
	if chance.Intn(8) == 0 {
		deed.writing = func(to io.Writer) io.Writer { return oneByOne{to} }
	}
	if chance.Intn(16) == 0 {
		deed.reading = neverAgain
	}
	deed.answer = func(c *call) {
		// What a call gets depends on the seed and its stream, not on the order in which calls are served.
		own := rand.New(rand.NewSource(seed*7919 + int64(c.stream)))
		answerByChance(c, own, named)
	}
	return deed
}

func answerByChance(c *call, chance *rand.Rand, named []misdeed) {
	switch chance.Intn(4) {
	case 0:
		honest(c)
	case 1:
		if answer := named[chance.Intn(len(named))].answer; answer != nil {
			answer(c)
		} else {
			honest(c)
		}
	default:
		if chance.Intn(4) > 0 {
			c.preamble()
		}
		for steps := chance.Intn(12); steps > 0; steps-- {
			pieceByChance(c, chance)
		}
		if chance.Intn(3) > 0 {
			c.result(resultByChance(c, chance))
		}
	}
}

// pieceByChance is one thing that an agent can say in a call.
func pieceByChance(c *call, chance *rand.Rand) {
	switch chance.Intn(9) {
	case 0:
		c.data(bytesByChance(chance, 1+chance.Intn(60_000)))
	case 1:
		c.body(bytesByChance(chance, 1+chance.Intn(200_000)), 1+chance.Intn(3))
	case 2:
		c.outputs(uint32(chance.Intn(100)), chance.Intn(100_000), "o")
	case 3:
		c.event(textByChance(chance, 3))
	case 4:
		c.grant(c.stream, chance.Uint32())
	case 5:
		c.send(wire.Data, chance.Uint32()%64, bytesByChance(chance, 1+chance.Intn(1000)))
	case 6:
		c.body([]byte("["+listOf(c, chance.Intn(20_000))+"]"), 1+chance.Intn(60_000))
	case 7:
		time.Sleep(time.Duration(chance.Intn(200)) * time.Millisecond)
	case 8:
		frame := frameOf(wire.Data, c.stream, bytesByChance(chance, 1+chance.Intn(100)))
		// Seldom, for it ends the connection.
		if chance.Intn(4) == 0 {
			frame[chance.Intn(wire.HeaderSize)] ^= byte(1 << chance.Intn(8))
		}
		c.raw(frame)
	}
}

func resultByChance(c *call, chance *rand.Rand) string {
	if chance.Intn(2) == 0 {
		return c.resultOf()
	}
	return textByChance(chance, 4)
}

// noiseByChance repeats small frames, with pauses, beside everything else.
func noiseByChance(seed int64) func(*speaker) {
	return func(s *speaker) {
		chance := rand.New(rand.NewSource(seed))
		kinds := []wire.Type{wire.Ping, wire.Pong, wire.Window, wire.Data, wire.Event, wire.Result}
		s.every(time.Duration(chance.Intn(5))*time.Millisecond, func() bool {
			var payload []byte
			switch kind := kinds[chance.Intn(len(kinds))]; kind {
			case wire.Ping, wire.Pong:
				return s.send(kind, 0, make([]byte, pongPayload))
			case wire.Window:
				return s.grant(chance.Uint32()%64, chance.Uint32())
			default:
				payload = binary.BigEndian.AppendUint64(payload, chance.Uint64())
				return s.send(kind, 1000+chance.Uint32()%64, payload)
			}
		})
	}
}

func bytesByChance(chance *rand.Rand, size int) []byte {
	bytes := make([]byte, size)
	_, _ = chance.Read(bytes)
	return bytes
}

// textByChance is JSON, of fields that answers have and values that they may not have.
func textByChance(chance *rand.Rand, levels int) string {
	fields := []string{
		"found", "info", "path", "type", "size", "mode", "mtimeMs", "id", "startedAt", "open", "outcome", "exitCode",
		"signal", "truncated", "durationMs", "lines", "hash", "__proto__", "constructor", "lc", "then", "toJSON",
	}
	if levels == 0 || chance.Intn(3) == 0 {
		values := []string{
			`0`, `-1`, `1e309`, `9007199254740993`, `0.5`, `true`, `null`, `""`, `"exited"`, `"/workspace/a"`, `"file"`,
			`"\ud800"`, `"\u0000"`, `[]`, `{}`, `"2026-01-31T12:00:00.000Z"`, `"` + hex.EncodeToString(bytesByChance(chance, 32)) + `"`,
		}
		return values[chance.Intn(len(values))]
	}
	text := "{"
	for count := chance.Intn(6); count >= 0; count-- {
		text += `"` + fields[chance.Intn(len(fields))] + `":` + textByChance(chance, levels-1)
		if count > 0 {
			text += ","
		}
	}
	return text + "}"
}
