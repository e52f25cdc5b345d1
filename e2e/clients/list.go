package clients

// list.go: all clients: what they are called, how they are run, and what must be installed for them.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"serval/e2e/servers"
)

// Client is a row of the matrix.
type Client struct {
	Name  string   // its database is c_Name, with _ for -
	Title string   // for people
	Run   []string // in e2e/clients
	Needs []string // a command that succeeds when what it needs is installed; nil: the program alone
	Quick bool     // part of `make test`
	Tool  bool     // a program of its own, and not a library
}

// Database is the one that the client works in.
func (c *Client) Database() string { return "c_" + strings.ReplaceAll(c.Name, "-", "_") }

// Dir is where installed packages are kept: see install.sh.
func Dir() string { return filepath.Join(servers.CacheDir(), "clients") }

// All are the clients, in the order of the page.
func All() []Client {
	python := func(name, title, module, script string, args ...string) Client {
		return Client{Name: name, Title: title, Run: append([]string{"/usr/bin/python3", "python/" + script}, args...),
			Needs: []string{"/usr/bin/python3", "-c", "import " + module}, Quick: true}
	}
	node := func(name, title, module, script string, args ...string) Client {
		return Client{Name: name, Title: title, Run: append([]string{"node", "node/" + script}, args...),
			Needs: []string{"node", "-e", "require('" + module + "')"}, Quick: true}
	}
	php := func(name, title, script string, args ...string) Client {
		return Client{Name: name, Title: title, Run: append([]string{"php", "php/" + script}, args...),
			Needs: []string{"php", "-r", "exit(extension_loaded('pdo_mysql') ? 0 : 1);"}, Quick: true}
	}
	perl := func(name, title, module string, mode string) Client {
		return Client{Name: name, Title: title, Run: []string{"perl", "perl/dbi.pl", module, mode},
			Needs: []string{"perl", "-MDBD::" + module, "-e", "1"}, Quick: true}
	}
	ruby := func(name, title, module, script, mode string) Client {
		return Client{Name: name, Title: title, Run: []string{"ruby", "ruby/" + script, mode},
			Needs: []string{"ruby", "-r" + module, "-e", "1"}, Quick: true}
	}
	built := func(name, title, program string, args ...string) Client {
		return Client{Name: name, Title: title, Run: append([]string{filepath.Join(Dir(), "bin", program)}, args...), Quick: true}
	}
	java := func(name, title, class, args string) Client {
		return Client{Name: name, Title: title, Run: append([]string{"bash", "java/run.sh", class}, strings.Fields(args)...),
			Needs: []string{"test", "-e", filepath.Join(Dir(), "java", class+".class")}, Quick: true}
	}
	shell := func(name, title, needs string, run ...string) Client {
		return Client{Name: name, Title: title, Run: append([]string{"bash"}, run...), Needs: []string{"which", needs}, Quick: true, Tool: true}
	}
	mysql := strings.Join(servers.InRootfs("usr/bin/mysql"), " ")
	mysqldump := strings.Join(servers.InRootfs("usr/bin/mysqldump"), " ")
	prisma := node("prisma", "Node Prisma", "@prisma/client", "prisma.js")
	prisma.Quick = false // 300 MB of packages
	return []Client{
		shell("mariadb-cli", "mariadb", "mariadb", "cli/shell.sh", "mariadb"),
		shell("mysql-cli", "mysql (MySQL's own)", filepath.Join(servers.CacheDir(), "mysql-rootfs/usr/bin/mysql"), append([]string{"cli/shell.sh"}, strings.Fields(mysql)...)...),
		shell("mariadb-dump", "mariadb-dump", "mariadb-dump", "cli/dump.sh", "mariadb-dump", "mariadb"),
		shell("mysqldump", "mysqldump (MySQL's own)", filepath.Join(servers.CacheDir(), "mysql-rootfs/usr/bin/mysqldump"), "cli/dump.sh", mysqldump, mysql),
		shell("mydumper", "mydumper, myloader", "mydumper", "cli/mydumper.sh"),
		shell("mysqlslap", "mysqlslap (mariadb-slap)", "mariadb-slap", "cli/bench.sh", "slap"),
		shell("sysbench", "sysbench", "sysbench", "cli/bench.sh", "sysbench"),
		built("go-interpolated", "Go go-sql-driver, interpolated", "driver", "interpolated"),
		built("go-prepared", "Go go-sql-driver, prepared", "driver", "prepared"),
		built("sqlx", "Go sqlx", "sqlxclient"),
		built("gorm", "Go GORM", "gormclient"),
		built("ent", "Go ent", "entclient"),
		java("connectorj-text", "Java MariaDB Connector/J", "Jdbc", "text"),
		java("connectorj-server", "Java MariaDB Connector/J, server's prepares", "Jdbc", "server"),
		java("hibernate", "Java Hibernate", "Orm", ""),
		python("pymysql", "Python PyMySQL", "pymysql", "dbapi.py", "pymysql"),
		python("mysqlclient", "Python mysqlclient", "MySQLdb", "dbapi.py", "MySQLdb"),
		python("sqlalchemy", "Python SQLAlchemy", "sqlalchemy", "alchemy.py"),
		python("django", "Python Django", "django", "orm_django.py"),
		node("node-mysql2-query", "Node mysql2, query", "mysql2", "mysql2.js", "query"),
		node("node-mysql2-execute", "Node mysql2, execute", "mysql2", "mysql2.js", "execute"),
		node("node-mysql", "Node mysql", "mysql", "mysql.js"),
		node("node-mariadb-query", "Node mariadb, query", "mariadb", "mariadb.js", "query"),
		node("node-mariadb-execute", "Node mariadb, execute", "mariadb", "mariadb.js", "execute"),
		node("knex", "Node Knex", "knex", "knex.js"),
		node("sequelize", "Node Sequelize", "sequelize", "sequelize.js"),
		node("typeorm", "Node TypeORM", "typeorm", "typeorm.js"),
		node("drizzle", "Node Drizzle", "drizzle-orm", "drizzle.js"),
		prisma,
		php("php-mysqli-text", "PHP mysqli, query", "mysqli.php", "text"),
		php("php-mysqli-prepared", "PHP mysqli, prepared", "mysqli.php", "prepared"),
		php("php-pdo-emulated", "PHP PDO, emulated prepares", "pdo.php", "emulated"),
		php("php-pdo-native", "PHP PDO, native prepares", "pdo.php", "native"),
		php("doctrine", "PHP Doctrine DBAL", "doctrine.php"),
		php("laravel", "PHP Laravel (illuminate)", "laravel.php"),
		perl("perl-mysql-text", "Perl DBD::mysql", "mysql", "text"),
		perl("perl-mysql-prepared", "Perl DBD::mysql, prepared", "mysql", "prepared"),
		perl("perl-mariadb-text", "Perl DBD::MariaDB", "MariaDB", "text"),
		perl("perl-mariadb-prepared", "Perl DBD::MariaDB, prepared", "MariaDB", "prepared"),
		ruby("ruby-mysql2-text", "Ruby mysql2, query", "mysql2", "mysql2.rb", "text"),
		ruby("ruby-mysql2-prepared", "Ruby mysql2, prepared", "mysql2", "mysql2.rb", "prepared"),
		ruby("activerecord-text", "Ruby ActiveRecord", "active_record", "activerecord.rb", "text"),
		ruby("activerecord-prepared", "Ruby ActiveRecord, prepared", "active_record", "activerecord.rb", "prepared"),
		shell("odbc", "ODBC isql, MariaDB ODBC", "isql", "cli/odbc.sh"),
	}
}

// Environment is what every program gets beside DB_*.
func Environment() []string {
	modules := filepath.Join(Dir(), "node", "node_modules") + ":" + filepath.Join(Dir(), "prisma", "node_modules")
	return append(os.Environ(), "NODE_PATH="+modules, "CLIENTS="+Dir(), "LC_ALL=C.UTF-8", "TZ=UTC")
}

// Missing says why the client cannot be run here; "" when it can.
func (c *Client) Missing() string {
	if _, err := exec.LookPath(c.Run[0]); err != nil {
		return c.Run[0] + " is not installed"
	}
	if c.Needs == nil {
		return ""
	}
	cmd := exec.Command(c.Needs[0], c.Needs[1:]...)
	cmd.Env = Environment()
	if err := cmd.Run(); err != nil {
		return c.Needs[len(c.Needs)-1] + " fails: its package is not installed"
	}
	return ""
}
