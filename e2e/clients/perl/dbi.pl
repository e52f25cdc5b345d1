#!/usr/bin/perl
# dbi.pl mysql|MariaDB text|prepared: Perl's DBI with DBD::mysql or DBD::MariaDB, with the server's prepared statements or without.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);
use JSON::PP;
use File::Basename;
binmode STDOUT, ':utf8';
$| = 1;

my ($driver, $mode) = @ARGV;
my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';
my $db;
my $json = JSON::PP->new->canonical;

sub connection {
    my %attributes = (RaiseError => 1, PrintError => 0, AutoCommit => 1, "${prefix}_server_prepare" => $mode eq 'prepared' ? 1 : 0);
    $attributes{mysql_enable_utf8mb4} = 1 if $driver eq 'mysql';
    $attributes{"${prefix}_server_prepare_disable_fallback"} = 1;
    my $dsn = "DBI:$driver:database=$ENV{DB_NAME};host=$ENV{DB_HOST};port=$ENV{DB_PORT}";
    return DBI->connect($dsn, $ENV{DB_USER}, $ENV{DB_PASSWORD}, \%attributes);
}

sub check {
    my ($feature, $f) = @_;
    if (eval { $f->(); 1 }) {
        print "ok $feature\n";
    } else {
        my $why = substr($@ =~ s/\s+/ /gr, 0, 400);
        print "not ok $feature: $why\n";
    }
    exit 0 if ($ENV{STOP_AFTER} // '') eq $feature;
}

sub same {
    my ($what, $got, $want) = @_;
    ($got, $want) = map { ref $_ ? $json->encode($_) : $_ // 'NULL' } $got, $want;
    die "$what is '$got', not '$want'\n" if $got ne $want;
}

# raises checks the driver's error code.
sub raises {
    my ($code, $f) = @_;
    die "no error $code\n" if eval { $f->(); 1 };
    same("the code of $@", $DBI::err, $code);
}

# columns are [name, kind, first row's value, second row's, undef] of types.tsv.
sub columns {
    open my $file, '<:utf8', dirname(__FILE__) . '/../types.tsv' or die $!;
    my @all;
    while (my $line = <$file>) {
        chomp $line;
        my ($name, $kind, @values) = split /\t/, $line, -1;
        @values = map { pack 'H*', $_ } @values if $kind eq 'bytes';
        push @all, [$name, $kind, @values, undef];
    }
    return @all;
}

sub read_value {
    my ($kind, $v, $want) = @_;
    return $v if !defined $v;
    return oct('0b' . unpack('B*', $v)) if $kind eq 'bit';
    utf8::decode($v) if $kind eq 'json'; # MySQL's JSON comes without a character set
    return $json->encode($json->decode($v)) if $kind eq 'json';
    return $v == $want ? $want : $v if $kind eq 'float';
    return $v =~ s/\.0+$//r if $kind =~ /time/;
    return $v;
}

check connect => sub {
    no strict 'refs';
    my $module = "DBD::$driver";
    $db = connection();
    print "version $module ${\"${module}::VERSION\"}\n";
    same('SELECT 1', $db->selectrow_array('SELECT 1'), 1);
    print 'out connect ', $db->{"${prefix}_serverinfo"}, "\n";
};

check migrate => sub {
    $db->do('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))');
    $db->do('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3');
};

check autoincrement => sub {
    $db->do('INSERT INTO notes (title, body) VALUES (?, ?)', undef, 'first', '😀');
    same('the id', $db->last_insert_id(undef, undef, 'notes', 'id'), 1);
    my $st = $db->prepare('INSERT INTO notes (title) VALUES (?)');
    $st->execute_array({}, ['second', 'third']);
    same('the rows', $db->selectall_arrayref('SELECT title, body FROM notes ORDER BY id'), [['first', '😀'], ['second', undef], ['third', undef]]);
};

check types => sub {
    my @columns = columns();
    my $names = join ', ', map { $_->[0] } @columns;
    # DBD::mysql binds text as bytes, of which MySQL makes no JSON.
    my $marks = join ', ', map { $_->[1] eq 'json' ? 'CONVERT(? USING utf8mb4)' : '?' } @columns;
    my $compare = sub {
        my ($row, $i) = @_;
        for my $n (0 .. $#columns) {
            my ($name, $kind) = @{$columns[$n]};
            my $want = $columns[$n][2 + $i];
            $want = $json->encode($json->decode($want)) if $kind eq 'json' && defined $want;
            same($name, read_value($kind, $row->[$n], $want), $want);
        }
    };
    for my $i (0 .. 2) {
        my $st = $db->prepare("INSERT INTO types (id, $names) VALUES (?, $marks)");
        $st->bind_param(1, $i + 1, SQL_INTEGER);
        for my $n (0 .. $#columns) {
            my $kind = $columns[$n][1];
            my $type = $kind eq 'bytes' ? SQL_BLOB : $kind eq 'bit' ? SQL_INTEGER : SQL_VARCHAR;
            my $value = $columns[$n][2 + $i];
            $st->bind_param($n + 2, $value, $type);
        }
        $st->execute;
        $compare->($db->selectrow_arrayref("SELECT $names FROM types WHERE id = ?", undef, $i + 1), $i);
    }
    my $rows = $db->selectall_arrayref("SELECT $names FROM types ORDER BY id");
    $compare->($rows->[$_], $_) for 0 .. 2;
};

check crud => sub {
    same('inserted', $db->do('INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)', undef, $_, 'name ' . $_ % 3, $_ * 10), 1) for 1 .. 8;
    same('updated', $db->do('UPDATE accounts SET balance = balance + 0.5 WHERE id = ?', undef, 3), 1);
    same('deleted', $db->do('DELETE FROM accounts WHERE id = ?', undef, 8), 1);
    same('IN', join(' ', @{$db->selectcol_arrayref('SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id', undef, 1, 3, 8)}), '1 3');
    same('page', join(' ', @{$db->selectcol_arrayref('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1')}), '3 7 4');
    same('balance', $db->selectrow_hashref('SELECT balance FROM accounts WHERE id = ?', undef, 3)->{balance}, '30.50');
};

check prepared => sub {
    my $st = $db->prepare('SELECT name FROM accounts WHERE id = ?');
    for ([1, 1], [2, 1], [99, 0], [undef, 0]) {
        $st->execute($_->[0]);
        same('rows', scalar @{$st->fetchall_arrayref}, $_->[1]);
    }
    same('parameters', $st->{NUM_OF_PARAMS}, 1);
    my $cached = $db->prepare_cached('SELECT id FROM accounts WHERE name = ? ORDER BY id');
    same('cached', $db->selectcol_arrayref($cached, undef, 'name 1'), [1, 4, 7]) for 1 .. 2;
};

check transactions => sub {
    $db->begin_work;
    $db->do('UPDATE accounts SET balance = 0 WHERE id = 4');
    $db->rollback;
    same('after the rollback', $db->selectrow_array('SELECT balance FROM accounts WHERE id = 4'), '40.00');
    $db->{AutoCommit} = 0;
    $db->do('UPDATE accounts SET balance = 41 WHERE id = ?', undef, 4);
    $db->do('INSERT INTO accounts (id, name) VALUES (?, ?)', undef, 12, 'with 4');
    $db->commit;
    $db->{AutoCommit} = 1;
    same('after the commit', $db->selectrow_array('SELECT balance FROM accounts WHERE id = 4'), '41.00');
};

check stream => sub {
    my $own = connection();
    my $st = $own->prepare('SELECT n, label FROM bulk.numbers ORDER BY n', 
        {"${prefix}_server_prepare" => 0, $driver eq 'mysql' ? (mysql_use_result => 1) : ()}); # with it, DBD::MariaDB finds no rows anywhere
    $st->execute;
    my ($count, $total) = (0, 0);
    while (my $r = $st->fetchrow_arrayref) { $count++; $total += $r->[0] }
    same('rows and their sum', "$count $total", '20000 200010000');
};

check errors => sub {
    raises(1062, sub { $db->do('INSERT INTO accounts (id, name) VALUES (?, ?)', undef, 1, 'again') });
    raises(1064, sub { $db->do('SELEC 1') });
    raises(1146, sub { $db->do('SELECT * FROM nosuch') });
};

check reconnect => sub {
    my $victim = connection();
    $victim->{"${prefix}_auto_reconnect"} = 1;
    $db->do('KILL ' . $victim->selectrow_array('SELECT CONNECTION_ID()'));
    select undef, undef, undef, 0.1;
    eval { $victim->do('DO 1') }; # auto_reconnect may hide or show the loss
    same('after the reconnect', $victim->ping ? $victim->selectrow_array('SELECT name FROM accounts WHERE id = 1') : 'dead', 'name 1');
};

check metadata => sub {
    my $st = $db->prepare('SELECT * FROM types WHERE id = 1');
    $st->execute;
    print 'out metadata ', $json->encode([$st->{NAME}, $st->{TYPE}, $st->{PRECISION}, $st->{NULLABLE}, $st->{"${prefix}_type_name"}]), "\n";
    $st->finish;
    for my $t (qw(accounts plain)) { # the drivers do not know JSON columns
        my $c = $db->column_info(undef, $ENV{DB_NAME}, $t, '%')->fetchall_arrayref({});
        print "out metadata $t ", $json->encode([map { [@{$_}{qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE NULLABLE COLUMN_DEF)}] } @$c]), "\n";
        print "out metadata $t ", join(',', $db->primary_key(undef, $ENV{DB_NAME}, $t)), "\n";
    }
    print 'out metadata ', join(' ', sort $db->tables(undef, $ENV{DB_NAME}, '%', 'TABLE')), "\n";
};
