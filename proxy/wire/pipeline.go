package wire

// pipeline.go: several commands in one write. Each command's answer begins again at packet number 1, while a Conn
// counts one exchange at a time.

// ExpectAnswer says that what is read next is the answer to a command: the first frame's number is 1. It is needed
// between the answers to commands that were written together; after a single command the Conn expects it by itself.
func (c *Conn) ExpectAnswer() { c.seq = 1 }
