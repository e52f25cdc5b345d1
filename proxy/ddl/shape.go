package ddl

// shape.go: what tables look like on a server. A place whose shape is another one than before the statement has it behind
// it, whatever the log says: a server may have carried it out and died before anybody noted that. It compares texts and
// knows nothing of what stands in them but names.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/router"
)

// shape is how the objects of a place are. Both are digests.
type shape struct {
	raw     string // as the server tells it: compares with the same place at another time
	logical string // with logical names: compares with other places
}

// readShape asks for the objects of a place, on a connection in ownState.
func readShape(c *backend.Conn, p *router.SchemaPlace) (shape, error) {
	var raw, logical strings.Builder
	for _, o := range p.Objects {
		text, err := showCreate(c, o)
		if err != nil {
			return shape{}, err
		}
		fmt.Fprintf(&raw, "%q %q\n%s\n", o.Database, o.Table, text)
		fmt.Fprintf(&logical, "%q %q\n%s\n", o.Logical.Database, o.Logical.Name, logicalText(text, p))
	}
	return shape{digest(raw.String()), digest(logical.String())}, nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// absent is the text of an object that is not there.
const absent = "-"

// nextID is the counter in SHOW CREATE TABLE, which rows move.
var nextID = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// showCreate is the text that makes an object.
func showCreate(c *backend.Conn, o router.SchemaObject) (string, error) {
	sql := "SHOW CREATE TABLE " + rewrite.Quote(o.Database) + "." + rewrite.Quote(o.Table)
	if o.Table == "" {
		sql = "SHOW CREATE DATABASE " + rewrite.Quote(o.Database)
	}
	rows, err := c.Query(sql)
	switch code(err) {
	case codeNoTable, codeUnknownDatabase:
		return absent, nil
	case codeInvalidView:
		return "an invalid view", nil
	}
	if err != nil {
		return "", err
	}
	if len(rows) == 0 || len(rows[0]) < 2 {
		return "", fmt.Errorf("%s: no answer", sql)
	}
	return nextID.ReplaceAllString(string(rows[0][1]), ""), nil
}

// codeInvalidView is ER_VIEW_INVALID: what a view reads is not there.
const codeInvalidView = 1356

// referred is the table of a foreign key; shards' names end in their number.
var referred = regexp.MustCompile("REFERENCES (?:`[^`]+`\\.)?`([^`]*?)(?:_\\d+)?`")

// logicalText puts logical names into what a server tells of a shard.
func logicalText(text string, p *router.SchemaPlace) string {
	for _, o := range p.Objects {
		physical, logical := quoted(o.Table), quoted(o.Logical.Name)
		text = strings.ReplaceAll(text, "`"+physical+"`", "`"+logical+"`")
		for _, sign := range []string{"_ibfk_", "_chk_"} { // servers name constraints after the table
			text = strings.ReplaceAll(text, "`"+physical+sign, "`"+logical+sign)
		}
		text = strings.ReplaceAll(text, "`"+quoted(o.Database)+"`", "`"+quoted(o.Logical.Database)+"`")
	}
	if p.Shard >= 0 {
		text = strings.ReplaceAll(text, fmt.Sprintf("#%d`", p.Shard), "`") // router/schemanames.go
		text = referred.ReplaceAllString(text, "REFERENCES `$1`")
	}
	return text
}

// quoted is a name between backticks, without them.
func quoted(name string) string { return strings.ReplaceAll(name, "`", "``") }
