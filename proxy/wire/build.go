package wire

// build.go: building a small packet's payload where it will be sent from, so that answers cost no allocation and no
// copy. It knows the write buffer and nothing of payloads.

// buildSpace is the room that beginPacket makes sure of, in bytes; a longer payload is still right, only slower.
const buildSpace = 1 << 10

// beginPacket returns an empty slice to which a payload of less than a frame is appended; endPacket takes it. Nothing
// may be written between the two.
func (c *Conn) beginPacket() []byte {
	c.room(headerSize + buildSpace)
	return c.wblock[c.wn+headerSize : c.wn+headerSize]
}

// endPacket sends what was appended to beginPacket's slice as one packet.
func (c *Conn) endPacket(p []byte) error {
	fits := len(p) <= bufferSize-c.wn-headerSize
	if c.werr != nil || !fits || cap(p) == 0 || &p[:1][0] != &c.wblock[c.wn+headerSize] {
		return c.WritePacket(p) // append has moved it
	}
	c.writeHeader(len(p))
	c.wn += len(p)
	return nil
}
