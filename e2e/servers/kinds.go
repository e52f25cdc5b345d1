package servers

// kinds.go: which programs make a MariaDB or a MySQL server, with which options, and where they are kept.

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Kind is a make of server.
type Kind string

// The makes of server.
const (
	MariaDB Kind = "mariadb"
	MySQL   Kind = "mysql"
)

// The accounts are made by the server at every start, before it lets anyone in. One statement per line.
const accountsSQL = `CREATE USER IF NOT EXISTS '` + User + `'@'%' IDENTIFIED BY '` + Password + `';
GRANT ALL PRIVILEGES ON *.* TO '` + User + `'@'%' WITH GRANT OPTION;
`

// Kinds are the servers that this machine can run, for a loop over subtests. A missing kind is a skipped subtest
// whose text says why; without any the test fails. SERVAL_E2E_KINDS=mysql (or mariadb) asks for one kind only.
func Kinds(t *testing.T) []Kind {
	t.Helper()
	var kinds []Kind
	for _, kind := range []Kind{MariaDB, MySQL} {
		if only := os.Getenv("SERVAL_E2E_KINDS"); only != "" && !strings.Contains(only, string(kind)) {
			continue
		}
		if err := kind.Available(); err != nil {
			t.Run(string(kind)+" is missing", func(t *testing.T) { t.Skipf("SKIPPED: no %s here: %v", kind, err) })
			continue
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		t.Fatal("neither MariaDB nor MySQL can be started; run `bash e2e/install.sh`")
	}
	return kinds
}

// Available says what is missing to start a server of this kind; nil when nothing is.
func (k Kind) Available() error {
	if k == MariaDB {
		if _, err := exec.LookPath("mariadbd"); err != nil {
			return errors.New("mariadbd is not installed; run `bash e2e/install.sh`")
		}
		return nil
	}
	if _, err := os.Stat(filepath.Join(mysqlRoot(), "usr/sbin/mysqld")); err != nil {
		return fmt.Errorf("no MySQL in %s; run `bash e2e/install.sh`", mysqlRoot())
	}
	return nil
}

// CacheDir keeps what is slow to make, outside of the checkout: $SERVAL_CACHE, else /var/cache/serval for root,
// else serval in the user's cache directory. e2e/install.sh decides in the same way.
func CacheDir() string {
	if dir := os.Getenv("SERVAL_CACHE"); dir != "" {
		return dir
	}
	if os.Getuid() == 0 {
		return "/var/cache/serval"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "serval")
}

func mysqlRoot() string { return filepath.Join(CacheDir(), "mysql-rootfs") }

// InRootfs is the command line for a program of the MySQL root file system ("usr/bin/mysql"). It runs under that
// file system's own dynamic linker and libraries: no chroot, so neither root nor mounts, and paths mean what they
// mean outside.
func InRootfs(program string) []string {
	root := mysqlRoot()
	libs := []string{"usr/lib/x86_64-linux-gnu", "usr/lib/mysql/private"}
	for i, l := range libs {
		libs[i] = filepath.Join(root, l)
	}
	return []string{filepath.Join(root, "lib64/ld-linux-x86-64.so.2"), "--library-path", strings.Join(libs, ":"),
		filepath.Join(root, program)}
}

// program is the server's command line but for what differs between two servers of a kind.
// Nothing needs to survive a power cut, but what was committed must survive kill -9: hence 2 and not 0.
func (k Kind) program() []string {
	common := []string{"--no-defaults", "--skip-log-bin", "--skip-name-resolve", "--performance-schema=OFF",
		"--max-connections=2000", "--max-allowed-packet=256M", "--default-time-zone=+00:00",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--innodb-doublewrite=OFF",
		"--innodb-buffer-pool-dump-at-shutdown=OFF", "--innodb-buffer-pool-load-at-startup=OFF"}
	if os.Getuid() == 0 {
		common = append(common, "--user=root")
	}
	if k == MariaDB {
		return append(append([]string{"mariadbd"}, common...), "--innodb-log-file-size=32M", "--log-warnings=1",
			"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci")
	}
	root := mysqlRoot()
	argv := append(InRootfs("usr/sbin/mysqld"), common...)
	return append(argv, "--basedir="+filepath.Join(root, "usr"), "--secure-file-priv=NULL", "--mysqlx=OFF",
		"--lc-messages-dir="+filepath.Join(root, "usr/share/mysql"), "--innodb-redo-log-capacity=32M", "--log-error-verbosity=2",
		"--character-sets-dir="+filepath.Join(root, "usr/share/mysql/charsets"),
		"--plugin-dir="+filepath.Join(root, "usr/lib/mysql/plugin"))
}

// template returns an initialised data directory of this kind and version to copy, making it the first time.
func template(k Kind) (string, error) {
	version, err := k.version()
	if err != nil {
		return "", err
	}
	base := filepath.Join(CacheDir(), "templates")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(version + strings.Join(k.program(), " ")))
	dir := filepath.Join(base, string(k)+"-"+hex.EncodeToString(sum[:6]))
	unlock, err := lockFile(filepath.Join(base, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fresh, err := os.MkdirTemp(base, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	data := filepath.Join(fresh, "data")
	argv := k.initialise(data)
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", argv, err, tail(string(out), 2000))
	}
	return dir, os.Rename(data, dir)
}

func (k Kind) initialise(data string) []string {
	if k == MySQL {
		// The first start writes more than the small redo log holds.
		return append(k.program(), "--initialize-insecure", "--datadir="+data, "--innodb-redo-log-capacity=128M")
	}
	argv := []string{"mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
		"--skip-test-db", "--datadir=" + data, "--innodb-log-file-size=32M"}
	if os.Getuid() == 0 {
		argv = append(argv, "--user=root")
	}
	return argv
}

func (k Kind) version() (string, error) {
	argv := []string{"mariadbd", "--version"}
	if k == MySQL {
		argv = append(InRootfs("usr/sbin/mysqld"), "--no-defaults", "--version")
	}
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", argv, err)
	}
	return string(out), nil
}

// lockFile keeps two test programs from making the same template.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
