package wire

import "unsafe"

const sizeOfConn = unsafe.Sizeof(Conn{})
