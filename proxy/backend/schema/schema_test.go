package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"serval/proxy/backend"
)

const (
	mysql   = "9.7.4"
	mariadb = "10.11.19-MariaDB-0+deb12u1"
)

// row is what ReadColumns reads; "-" stands for NULL.
func row(version, name, dataType, columnType, length, collation, nullable, value, extra, key string) backend.Row {
	texts := []string{"db", "0", version, "t", name, dataType, columnType, length, collation, nullable, value, extra, key}
	r := make(backend.Row, len(texts))
	for i, s := range texts {
		if s != "-" {
			r[i] = []byte(s)
		}
	}
	return r
}

// The rows are those of MySQL 9.7 and MariaDB 10.11.
func TestColumn(t *testing.T) {
	tests := []struct {
		row  backend.Row
		want Column
	}{
		{row(mysql, "id", "bigint", "bigint unsigned", "-", "-", "NO", "-", "auto_increment", "PRI"),
			Column{DataType: "bigint", ColumnType: "bigint unsigned", Unsigned: true, AutoIncrement: true, Primary: true}},
		{row(mariadb, "a", "int", "int(11)", "-", "-", "YES", "NULL", "", ""),
			Column{DataType: "int", ColumnType: "int(11)", Nullable: true}},
		{row(mariadb, "b", "varchar", "varchar(20)", "20", "latin1_swedish_ci", "NO", "'NULL'", "", ""),
			Column{DataType: "varchar", ColumnType: "varchar(20)", CharLength: 20, Collation: "latin1_swedish_ci", HasDefault: true}},
		{row(mysql, "b", "varchar", "varchar(20)", "20", "utf8mb4_bin", "NO", "NULL", "", ""),
			Column{DataType: "varchar", ColumnType: "varchar(20)", CharLength: 20, Collation: "utf8mb4_bin", HasDefault: true}},
		{row(mysql, "c", "enum", "enum('x unsigned','y')", "10", "utf8mb4_bin", "YES", "-", "INVISIBLE", ""),
			Column{DataType: "enum", ColumnType: "enum('x unsigned','y')", CharLength: 10, Collation: "utf8mb4_bin", Nullable: true, Invisible: true}},
		{row(mysql, "f", "datetime", "datetime", "-", "-", "YES", "CURRENT_TIMESTAMP", "DEFAULT_GENERATED", ""),
			Column{DataType: "datetime", ColumnType: "datetime", Nullable: true, HasDefault: true}},
		{row(mysql, "e", "int", "int", "-", "-", "YES", "-", "STORED GENERATED", ""),
			Column{DataType: "int", ColumnType: "int", Nullable: true, Generated: true}},
		{row(mysql, "h", "DECIMAL", "decimal(10,2) unsigned zerofill", "-", "-", "YES", "-", "", ""),
			Column{DataType: "decimal", ColumnType: "decimal(10,2) unsigned zerofill", Nullable: true, Unsigned: true}},
	}
	for _, tt := range tests {
		tt.want.Table, tt.want.Name = "t", string(tt.row[4])
		got, err := column(tt.row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.want.ColumnType, diff)
		}
	}
	if _, err := column(row(mysql, "b", "varchar", "varchar(20)", "many", "-", "NO", "-", "", "")); err == nil {
		t.Error("a length that is no number was read")
	}
}

func TestSameDatabase(t *testing.T) {
	tests := []struct {
		name, lowerCase string
		same            bool
	}{{"shop", "0", true}, {"Shop", "0", false}, {"Shop", "1", true}, {"Shop", "2", true}}
	for _, tt := range tests {
		if got := sameDatabase(backend.Row{[]byte(tt.name), []byte(tt.lowerCase)}, "shop"); got != tt.same {
			t.Errorf("%s with lower_case_table_names=%s: %v", tt.name, tt.lowerCase, got)
		}
	}
}

func TestQuote(t *testing.T) {
	if got := quote(`it's\`); got != `'it''s\\'` {
		t.Error(got)
	}
	if got := quoteNames([]string{"utf8mb4_bin", "", "x'y", "binary"}); got != "'utf8mb4_bin', 'binary'" {
		t.Error(got)
	}
}
