package wire

// constants.go: the protocol's numbers, named after the manual. Only names and values; what Serval does with a
// capability is in handshake.go.

// Commands: the first byte of a packet from the client.
const (
	ComSleep            = 0x00
	ComQuit             = 0x01
	ComInitDB           = 0x02
	ComQuery            = 0x03
	ComFieldList        = 0x04
	ComCreateDB         = 0x05
	ComDropDB           = 0x06
	ComRefresh          = 0x07
	ComShutdown         = 0x08
	ComStatistics       = 0x09
	ComProcessInfo      = 0x0a
	ComConnect          = 0x0b
	ComProcessKill      = 0x0c
	ComDebug            = 0x0d
	ComPing             = 0x0e
	ComTime             = 0x0f
	ComDelayedInsert    = 0x10
	ComChangeUser       = 0x11
	ComBinlogDump       = 0x12
	ComTableDump        = 0x13
	ComConnectOut       = 0x14
	ComRegisterReplica  = 0x15
	ComStmtPrepare      = 0x16
	ComStmtExecute      = 0x17
	ComStmtSendLongData = 0x18
	ComStmtClose        = 0x19
	ComStmtReset        = 0x1a
	ComSetOption        = 0x1b
	ComStmtFetch        = 0x1c
	ComDaemon           = 0x1d
	ComBinlogDumpGTID   = 0x1e
	ComResetConnection  = 0x1f
)

// Capability flags of both peers (page_protocol_basic… "Capabilities Flags").
const (
	CapLongPassword               = 1 << 0 // MariaDB calls it CLIENT_MYSQL: set means no MariaDB extensions
	CapFoundRows                  = 1 << 1
	CapLongFlag                   = 1 << 2
	CapConnectWithDB              = 1 << 3
	CapNoSchema                   = 1 << 4
	CapCompress                   = 1 << 5
	CapODBC                       = 1 << 6
	CapLocalFiles                 = 1 << 7
	CapIgnoreSpace                = 1 << 8
	CapProtocol41                 = 1 << 9
	CapInteractive                = 1 << 10
	CapSSL                        = 1 << 11
	CapIgnoreSigpipe              = 1 << 12
	CapTransactions               = 1 << 13
	CapReserved                   = 1 << 14
	CapSecureConnection           = 1 << 15
	CapMultiStatements            = 1 << 16
	CapMultiResults               = 1 << 17
	CapPSMultiResults             = 1 << 18
	CapPluginAuth                 = 1 << 19
	CapConnectAttrs               = 1 << 20
	CapPluginAuthLenencClientData = 1 << 21
	CapCanHandleExpiredPasswords  = 1 << 22
	CapSessionTrack               = 1 << 23
	CapDeprecateEOF               = 1 << 24
	CapOptionalResultsetMetadata  = 1 << 25
	CapZstdCompression            = 1 << 26
	CapQueryAttributes            = 1 << 27
)

// Status flags of OK and EOF packets.
const (
	StatusInTrans            = 0x0001
	StatusAutocommit         = 0x0002
	StatusMoreResultsExists  = 0x0008
	StatusNoGoodIndexUsed    = 0x0010
	StatusNoIndexUsed        = 0x0020
	StatusCursorExists       = 0x0040
	StatusLastRowSent        = 0x0080
	StatusDBDropped          = 0x0100
	StatusNoBackslashEscapes = 0x0200
	StatusMetadataChanged    = 0x0400
	StatusQueryWasSlow       = 0x0800
	StatusPSOutParams        = 0x1000
	StatusInTransReadonly    = 0x2000
	StatusSessionStateChange = 0x4000
	StatusANSIQuotes         = 0x8000 // MariaDB only
)

// Column types.
const (
	TypeDecimal    = 0x00
	TypeTiny       = 0x01
	TypeShort      = 0x02
	TypeLong       = 0x03
	TypeFloat      = 0x04
	TypeDouble     = 0x05
	TypeNull       = 0x06
	TypeTimestamp  = 0x07
	TypeLongLong   = 0x08
	TypeInt24      = 0x09
	TypeDate       = 0x0a
	TypeTime       = 0x0b
	TypeDatetime   = 0x0c
	TypeYear       = 0x0d
	TypeNewDate    = 0x0e
	TypeVarchar    = 0x0f
	TypeBit        = 0x10
	TypeTimestamp2 = 0x11
	TypeDatetime2  = 0x12
	TypeTime2      = 0x13
	TypeVector     = 0xf2
	TypeJSON       = 0xf5
	TypeNewDecimal = 0xf6
	TypeEnum       = 0xf7
	TypeSet        = 0xf8
	TypeTinyBlob   = 0xf9
	TypeMediumBlob = 0xfa
	TypeLongBlob   = 0xfb
	TypeBlob       = 0xfc
	TypeVarString  = 0xfd
	TypeString     = 0xfe
	TypeGeometry   = 0xff
)

// Column flags.
const (
	FlagNotNull        = 0x0001
	FlagPriKey         = 0x0002
	FlagUniqueKey      = 0x0004
	FlagMultipleKey    = 0x0008
	FlagBlob           = 0x0010
	FlagUnsigned       = 0x0020
	FlagZerofill       = 0x0040
	FlagBinary         = 0x0080
	FlagEnum           = 0x0100
	FlagAutoIncrement  = 0x0200
	FlagTimestamp      = 0x0400
	FlagSet            = 0x0800
	FlagNoDefaultValue = 0x1000
	FlagOnUpdateNow    = 0x2000
	FlagNum            = 0x8000
)

// Collation numbers that the protocol itself needs.
const (
	CollationLatin1SwedishCI  = 8
	CollationUTF8GeneralCI    = 33
	CollationUTF8MB4GeneralCI = 45
	CollationBinary           = 63
	CollationUTF8MB40900AICI  = 255
)

// First bytes of answers.
const (
	headerOK          = 0x00
	headerLocalInfile = 0xfb
	headerEOF         = 0xfe
	headerError       = 0xff
)
