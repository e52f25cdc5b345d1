<?php
// tap.php: what the PHP programs share: where to connect, the printed lines, and the values of types.tsv.
error_reporting(E_ALL & ~E_DEPRECATED); // Debian's libraries are older than its PHP
ini_set('precision', '-1'); // floats in text as exact as they are
[$host, $port, $user, $password, $name, $kind] = array_map('getenv', ['DB_HOST', 'DB_PORT', 'DB_USER', 'DB_PASSWORD', 'DB_NAME', 'DB_KIND']);

// run tries the features one after the other.
function run(array $features): void {
    foreach ($features as $feature => $f) {
        try {
            $f();
            echo "ok $feature\n";
        } catch (Throwable $e) {
            echo "not ok $feature: ", get_class($e), ' ', substr(preg_replace('/\s+/', ' ', $e->getMessage()), 0, 400), "\n";
        }
        if (getenv('STOP_AFTER') === $feature) exit(0);
    }
}

// out prints what must be the same on both sides.
function out(string $feature, ...$values): void {
    echo "out $feature ", implode(' ', array_map(fn ($v) => is_string($v) ? $v : json_encode($v, JSON_UNESCAPED_UNICODE), $values)), "\n";
}

function same(string $what, $got, $want): void {
    if ($got !== $want) throw new Exception("$what is " . var_export($got, true) . ', not ' . var_export($want, true));
}

// raises checks that f fails with an exception of class and the server's error code, which code takes out of it.
function raises(string $class, int $want, callable $f, callable $code): void {
    try {
        $f();
    } catch (Throwable $e) {
        same('the exception of ' . $e->getMessage(), $e instanceof $class ? $class : get_class($e), $class);
        same('the code of ' . $e->getMessage(), $code($e), $want);
        return;
    }
    throw new Exception("no error $want");
}

// columns are the [name, kind, [first row's value, second row's, null]] of types.tsv.
function columns(): array {
    $value = fn ($kind, $text) => match ($kind) {
        'bytes' => hex2bin($text), 'bit' => (int) $text, 'float' => (float) $text, 'json' => json_decode($text, true), default => $text,
    };
    $all = [];
    foreach (file(__DIR__ . '/../types.tsv', FILE_IGNORE_NEW_LINES) as $line) {
        [$name, $kind, $one, $two] = explode("\t", $line);
        $all[] = [$name, $kind, [$value($kind, $one), $value($kind, $two), null]];
    }
    return $all;
}

// written is what a driver takes for a value, read a value that it gave in the form of columns.
function written(string $kind, $v) { return $kind === 'json' && $v !== null ? json_encode($v, JSON_UNESCAPED_UNICODE) : $v; }

function read(string $kind, $v) {
    if ($v === null) return null;
    return match ($kind) {
        'int', 'year', 'decimal' => (string) $v,
        'float' => (float) $v,
        'bit' => is_string($v) && !ctype_digit($v) ? hexdec(bin2hex($v)) : (int) $v,
        'json' => is_string($v) ? json_decode($v, true) : $v,
        'time', 'datetime' => preg_replace('/\.0+$/', '', $v),
        default => $v,
    };
}
