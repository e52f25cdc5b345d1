package config

import (
	"io/fs"
	"net/netip"
	"reflect"
	"testing"
)

// listeners_test.go: what valid listeners become.

// testCert and testKey are a certificate and its key, signed by nobody, of nothing that exists.
const (
	testCert = `-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIUNHrOqnpPXPyH6tz5L1qolGRe9ZcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLc2VydmFsIHRlc3QwIBcNMjYxMTIzMTkxNDExWhgPMjEyNjEw
MzAxOTE0MTFaMBYxFDASBgNVBAMMC3NlcnZhbCB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEe1kPDry4jlfv7UllckRlJQknLvNAKQSlendjkHHaUFGrjn5w
C5eazxqquTRB+uV9qbtUQt9QpOUobwwCN70cs6NTMFEwHQYDVR0OBBYEFO9UWovY
CzmDZJaMkxG4zxryoY4gMB8GA1UdIwQYMBaAFO9UWovYCzmDZJaMkxG4zxryoY4g
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAMMz4zET7n1Zk7mF
wXs8ik0+A0+etMcM0F9WTKwcK2LAAiEA9iiVM4NfTE/Df4sfgNvQ7hwUvdrppwBc
mZW8JflWWHM=
-----END CERTIFICATE-----`
	testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2Wc30/tv4Oc29c6O
Tq0A9jHQKvUPiIGrqDxHSPzgAiWhRANCAAR7WQ8OvLiOV+/tSWVyRGUlCScu80Ap
BKV6d2OQcdpQUauOfnALl5rPGqq5NEH65X2pu1RC31Ck5ShvDAI3vRyz
-----END PRIVATE KEY-----`
)

func TestListeners(t *testing.T) {
	c := mustParse(t, `
users: {app: {password: app, require_tls: true}}
groups: {g0: {primary: "db:3306", user: root, password: ""}}
databases: {shop: }
listeners:
  - 127.0.0.1:3307
  - /run/serval.sock
  - {address: ./own.sock, permissions: "0600"}
  - address: ":3308"
    tls: {cert: cert, key: key}
    proxy_protocol: {from: [10.0.0.0/8, "::1"]}
  - {address: ":3309", tls: {cert: cert, key: key, client_ca: cert, client_cert: required}}
`, world(nil, map[string]string{"cert": testCert, "key": testKey}))
	want := []Listener{
		{Address: "127.0.0.1:3307"},
		{Address: "/run/serval.sock", Permissions: 0o666},
		{Address: "./own.sock", Permissions: 0o600},
		{Address: ":3308", TLS: &ListenerTLS{Cert: "cert", Key: "key"},
			ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		{Address: ":3309", TLS: &ListenerTLS{Cert: "cert", Key: "key", ClientCA: "cert", ClientCert: true, Require: true}},
	}
	if !reflect.DeepEqual(c.Listeners, want) {
		t.Errorf("got  %+v\nwant %+v", c.Listeners, want)
	}
	if !c.Users[0].NeedsTLS || !c.Listeners[1].Unix() || c.Listeners[0].Unix() || c.Listeners[1].Permissions != fs.FileMode(0o666) {
		t.Errorf("%+v", c)
	}
}
