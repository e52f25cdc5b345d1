package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs_test.go: the manual knows every key, and its complete file is valid.

func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(data)
	keys := []string{
		"listeners", "admin", "log", "users", "defaults", "groups", "databases", "transactions", "across_groups", "multi_shard_autocommit", "database", "gather", "rows", "bytes", "plan_cache", "max_packet",
		"level", "format", "statements", "primary", "replicas", "address", "weight",
		"tls", "proxy_protocol", "permissions", "client_ca", "client_cert", "require", "from", "require_tls",
		"mode", "ca", "cert", "key", "server_name",
		"max", "max_idle", "max_lifetime", "idle_timeout", "acquire_timeout", "connect_timeout",
		"default_group", "physical", "tables", "group", "shard", "broadcast", "lookup", "ids", "segment", "sequences",
	}
	keys = append(append(append(keys, settingKeys...), shardKeys...), limitKeys[:]...)
	for _, own := range algorithmKeys {
		keys = append(keys, own...)
	}
	for _, key := range keys {
		row := regexp.MustCompile("(?m)^\\| (`[a-z_]+`, )*`" + key + "`(, `[a-z_]+`)* \\|")
		if !row.MatchString(manual) {
			t.Errorf("%s is in no table of the manual", key)
		}
	}
	for _, by := range algorithms {
		if !strings.Contains(manual, "#### by: "+by+"\n") {
			t.Errorf("by: %s has no section in the manual", by)
		}
	}
	_, rest, _ := strings.Cut(manual, "```yaml\n")
	complete, _, _ := strings.Cut(rest, "```")
	mustParse(t, complete, world(map[string]string{"APP_PASSWORD": "a", "BACKEND_PASSWORD": "b"}, nil))
}
