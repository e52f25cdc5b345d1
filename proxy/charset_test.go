package proxy

import (
	"testing"

	"serval/router"
)

func TestCharsetsOfState(t *testing.T) {
	tests := []struct {
		names   string
		vars    map[string]string
		want    charsets
		strings router.Charset
	}{
		{"utf8mb4 COLLATE utf8mb4_bin", nil, charsets{"utf8mb4", "utf8mb4", "utf8mb4"}, router.UTF8MB4},
		{"utf8", nil, charsets{"utf8", "utf8", "utf8"}, router.UTF8MB3},
		{"gbk COLLATE gbk_bin", nil, charsets{"gbk", "gbk", "gbk"}, router.Characters},
		{"binary", nil, charsets{"binary", "binary", "binary"}, router.BinaryCharset},
		{"gbk", map[string]string{"character_set_connection": "'utf8mb4'"}, charsets{"gbk", "utf8mb4", "gbk"}, router.UTF8MB4},
		{"gbk", map[string]string{"collation_connection": "'utf8mb3_bin'"}, charsets{"gbk", "utf8mb3", "gbk"}, router.UTF8MB3},
		{"gbk", map[string]string{"collation_connection": "'big5_bin'"}, charsets{"gbk", "big5", "gbk"}, router.OtherCharset},
		{"gbk", map[string]string{"collation_connection": "'binary'"}, charsets{"gbk", "binary", "gbk"}, router.OtherCharset},
		{"utf8mb4", map[string]string{"character_set_client": "'latin1'"}, charsets{"latin1", "utf8mb4", "utf8mb4"}, router.UTF8MB4},
		{"utf8mb4", map[string]string{"character_set_connection": "'latin1'"}, charsets{"utf8mb4", "latin1", "utf8mb4"}, router.OtherCharset},
		{"utf8mb4", map[string]string{"character_set_client": "'binary'"}, charsets{"binary", "utf8mb4", "utf8mb4"}, router.OtherCharset},
		{"utf8mb4", map[string]string{"character_set_client": "'utf8mb3'"}, charsets{"utf8mb3", "utf8mb4", "utf8mb4"}, router.UTF8MB3},
		{"utf8mb4", map[string]string{"character_set_results": "NULL"}, charsets{"utf8mb4", "utf8mb4", "null"}, router.UTF8MB4},
	}
	for _, tt := range tests {
		s := sessionState{names: tt.names, vars: tt.vars}
		s.render()
		if s.sets != tt.want || s.charset != tt.strings {
			t.Errorf("%s %v: %+v %d, want %+v %d", tt.names, tt.vars, s.sets, s.charset, tt.want, tt.strings)
		}
	}
}
