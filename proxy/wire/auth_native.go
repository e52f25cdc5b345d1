package wire

import (
	"crypto/sha1"
	"crypto/subtle"
)

// auth_native.go: mysql_native_password: the client proves the password by
// SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))).

// nativeResponse is what a client with this password answers to salt.
func nativeResponse(salt []byte, password string) [sha1.Size]byte {
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	response := sha1.Sum(append(salt[:len(salt):len(salt)], twice[:]...))
	subtle.XORBytes(response[:], response[:], once[:])
	return response
}

// verifyNative checks a response; password is not empty.
func verifyNative(response, salt []byte, password string) bool {
	want := nativeResponse(salt, password)
	return subtle.ConstantTimeCompare(response, want[:]) == 1
}
