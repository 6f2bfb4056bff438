package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A stream is a client of /api/v1/stream in its binary form: as much of
// WebSocket (RFC 6455) and of docs/protocol.md as it takes to see when a call
// is shown.
type stream struct {
	conn net.Conn
	r    *bufio.Reader
}

// Opcodes of WebSocket.
const (
	opText, opBinary     = 1, 2
	opClose, opPing      = 8, 9
	opPong               = 10
	final, masked        = 0x80, 0x80
	maxFrame             = 64 << 20 // far above a snapshot of the largest graph
	streamPatience       = 10 * time.Second
	headerLen, columnLen = 32, 12 // of a frame of graphctl
)

// openStream connects to the server at web, a URL.
func openStream(web string) (*stream, error) {
	u, err := url.Parse(web)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, streamPatience)
	if err != nil {
		return nil, err
	}
	s := &stream{conn, bufio.NewReaderSize(conn, 1<<16)}
	fmt.Fprintf(conn, "GET /api/v1/stream HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphctl.v1\r\n\r\n", u.Host)
	res, err := http.ReadResponse(s.r, nil)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New(res.Status)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	return s, s.write(opText, []byte(`{"type":"subscribe"}`))
}

func (s *stream) close() error { return s.conn.Close() }

// write writes a short frame. Clients mask what they send.
func (s *stream) write(op byte, payload []byte) error {
	if len(payload) > 125 {
		panic("bench: a frame of the client is long")
	}
	b := []byte{final | op, masked | byte(len(payload)), 0, 0, 0, 0}
	rand.Read(b[2:])
	for i, c := range payload {
		b = append(b, c^b[2+i%4])
	}
	_, err := s.conn.Write(b)
	return err
}

// next returns the next binary message, which it acknowledges.
func (s *stream) next() ([]byte, error) {
	for {
		op, payload, err := s.read()
		switch {
		case err != nil:
			return nil, err
		case op == opPing:
			err = s.write(opPong, payload)
		case op == opClose:
			return nil, fmt.Errorf("the stream was closed: %q", payload)
		case op == opBinary && len(payload) >= headerLen:
			return payload, s.write(opText, fmt.Appendf(nil, `{"type":"ack","seq":%d}`, binary.LittleEndian.Uint32(payload[8:])))
		}
		if err != nil {
			return nil, err
		}
	}
}

// read reads one frame; the server sends each message in one.
func (s *stream) read() (op byte, payload []byte, err error) {
	var h [8]byte
	if _, err := io.ReadFull(s.r, h[:2]); err != nil {
		return 0, nil, err
	}
	op, n := h[0]&0x0f, uint64(h[1])
	if h[0]&final == 0 || n >= masked {
		return 0, nil, errors.New("the server sent a message in parts, or masked")
	}
	switch n {
	case 126:
		_, err = io.ReadFull(s.r, h[:2])
		n = uint64(binary.BigEndian.Uint16(h[:]))
	case 127:
		_, err = io.ReadFull(s.r, h[:8])
		n = binary.BigEndian.Uint64(h[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.r, payload)
	return op, payload, err
}

// Columns of docs/protocol.md that are read here.
const (
	columnText, columnTextEnds          = 10, 11
	columnNewServices, columnNames      = 20, 21
	columnNewCalls, columnNewCallsStart = 40, 41
)

// newCallers returns the names of the services that make the calls that are new
// in a frame, as far as the services are new in it too.
func newCallers(frame []byte) (names []string, err error) {
	columns, err := readColumns(frame)
	if err != nil {
		return nil, err
	}
	word := func(column, i int) uint32 { return binary.LittleEndian.Uint32(columns[column][4*i:]) }
	text := func(i uint32) string {
		begin := uint32(0)
		if i > 0 {
			begin = word(columnTextEnds, int(i)-1)
		}
		return string(columns[columnText][begin:word(columnTextEnds, int(i))])
	}
	services := map[uint32]string{}
	for i := range len(columns[columnNewServices]) / 4 {
		services[word(columnNewServices, i)] = text(word(columnNames, i))
	}
	for i := range len(columns[columnNewCalls]) / 4 {
		if name, ok := services[word(columnNewCallsStart, i)]; ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// readColumns returns the bytes of the columns of a frame by number.
func readColumns(frame []byte) (map[int][]byte, error) {
	if len(frame) < headerLen || !bytes.HasPrefix(frame, []byte("GCS1")) {
		return nil, errors.New("not a frame of the stream")
	}
	widths := [...]uint64{1: 1, 2: 4, 3: 4, 4: 8} // of an element, by type
	columns := map[int][]byte{}
	for i := range int(binary.LittleEndian.Uint16(frame[6:])) {
		at := headerLen + i*columnLen
		if len(frame) < at+columnLen {
			return nil, errors.New("a frame is cut")
		}
		entry := frame[at:]
		number, kind := int(binary.LittleEndian.Uint16(entry)), int(entry[2])
		if kind >= len(widths) {
			return nil, fmt.Errorf("column %d has elements of unknown type %d", number, kind)
		}
		begin := uint64(binary.LittleEndian.Uint32(entry[4:]))
		end := begin + uint64(binary.LittleEndian.Uint32(entry[8:]))*widths[kind]
		if end > uint64(len(frame)) {
			return nil, errors.New("a frame is cut")
		}
		columns[number] = frame[begin:end]
	}
	return columns, nil
}
