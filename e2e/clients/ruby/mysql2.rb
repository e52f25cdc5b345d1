# mysql2.rb text|prepared: Ruby's mysql2, with query or with prepared statements.
require 'mysql2'
require_relative 'tap'

PREPARED = ARGV[0] == 'prepared'
OPTIONS = { encoding: 'utf8mb4', database_timezone: :utc, application_timezone: :utc, default_auth: nil }.freeze

def open
  Mysql2::Client.new(WHERE.merge(OPTIONS.compact))
end

def literal(v)
  case v
  when nil then 'NULL'
  when Numeric then v.is_a?(BigDecimal) ? v.to_s('F') : v.to_s
  else "'#{$db.escape(v.to_s)}'"
  end
end

# Runs one statement and returns its rows as arrays.
def sql(text, *args)
  result = if PREPARED
             $db.prepare(text).execute(*args, as: :array, cast_booleans: false)
           else
             parts = text.split('?', -1)
             $db.query(parts.zip(args.map { |a| literal(a) }).flatten.compact.join, as: :array)
           end
  result&.to_a
end

def written(kind, v)
  return v if v.nil?
  return JSON.generate(v) if kind == 'json'

  kind == 'date' ? v.to_s : v
end

check :connect do
  puts "version mysql2 #{Mysql2::VERSION}"
  $db = open
  out :connect, $db.server_info[:version]
  same 'SELECT 1', sql('SELECT 1'), [[1]]
end

check :migrate do
  $db.query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))')
  $db.query('ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3')
end

check :autoincrement do
  if PREPARED
    st = $db.prepare('INSERT INTO notes (title, body) VALUES (?, ?)')
    st.execute('first', '😀')
    same 'the id', st.last_id, 1
  else
    sql('INSERT INTO notes (title, body) VALUES (?, ?)', 'first', '😀')
    same 'the id', $db.last_id, 1
  end
  sql('INSERT INTO notes (title) VALUES (?), (?)', 'second', 'third')
  same 'the rows', sql('SELECT id, title, body FROM notes ORDER BY id'), [[1, 'first', '😀'], [2, 'second', nil], [3, 'third', nil]]
end

check :types do
  names = COLUMNS.map(&:first).join(', ')
  compare = lambda do |row, i|
    COLUMNS.each_with_index { |(name, kind, rows), n| same(name, read(kind, row[n]), rows[i]) }
  end
  3.times do |i|
    sql("INSERT INTO types (id, #{names}) VALUES (?#{', ?' * COLUMNS.size})", i + 1, *COLUMNS.map { |_, kind, rows| written(kind, rows[i]) })
    compare.call(sql("SELECT #{names} FROM types WHERE id = ?", i + 1)[0], i)
  end
  sql("SELECT #{names} FROM types ORDER BY id").each_with_index(&compare)
end

check :crud do
  (1..8).each { |i| sql('INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)', i, "name #{i % 3}", i * 10) }
  $db.query('UPDATE accounts SET balance = balance + 0.5 WHERE id = 3')
  same 'updated', $db.affected_rows, 1
  sql('DELETE FROM accounts WHERE id = ?', 8)
  same 'IN', sql('SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id', 1, 3, 8), [[1], [3]]
  same 'page', sql('SELECT id FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1'), [[3], [7], [4]]
  same 'balance', sql('SELECT balance FROM accounts WHERE id = ?', 3), [[BigDecimal('30.5')]]
end

check :prepared do
  st = $db.prepare('SELECT id, name FROM accounts WHERE id = ?')
  [[1, 1], [2, 1], [99, 0], [nil, 0]].each { |id, want| same "rows of #{id}", st.execute(id).count, want }
  same 'parameters and columns', [st.param_count, st.fields], [1, %w[id name]]
  st.close
  raises(Mysql2::Error, 1064) { $db.prepare('SELEC ?') }
end

check :transactions do
  $db.query('BEGIN')
  sql('UPDATE accounts SET balance = ? WHERE id = ?', 0, 4)
  $db.query('ROLLBACK')
  same 'after the rollback', sql('SELECT balance FROM accounts WHERE id = ?', 4), [[BigDecimal('40')]]
  $db.query('BEGIN')
  sql('UPDATE accounts SET balance = ? WHERE id = ?', 41, 4)
  sql('INSERT INTO accounts (id, name) VALUES (?, ?)', 12, 'with 4')
  $db.query('COMMIT')
  same 'after the commit', sql('SELECT balance FROM accounts WHERE id = ?', 4), [[BigDecimal('41')]]
end

check :stream do
  count = total = 0
  text = 'SELECT n, label FROM bulk.numbers ORDER BY n'
  own = open # statements that are collected as garbage while rows come would end the stream
  # This version cannot stream the rows of prepared statements, on any server.
  rows = PREPARED ? own.prepare(text).execute(as: :array) : own.query(text, stream: true, cache_rows: false, as: :array)
  rows.each { |n, _| count, total = count + 1, total + n }
  same 'rows and their sum', [count, total], [20_000, 200_010_000]
end

check :errors do
  raises(Mysql2::Error, 1062) { sql('INSERT INTO accounts (id, name) VALUES (?, ?)', 1, 'again') }
  raises(Mysql2::Error, 1064) { sql('SELEC 1') }
  raises(Mysql2::Error, 1146) { sql('SELECT * FROM nosuch') }
end

check :reconnect do
  victim = Mysql2::Client.new(WHERE.merge(encoding: 'utf8mb4', reconnect: true))
  $db.query("KILL #{victim.thread_id}")
  sleep 0.1
  begin
    victim.ping || victim.query('DO 1')
  rescue Mysql2::Error
    nil # the loss may show once
  end
  same 'after the reconnect', victim.query('SELECT name FROM accounts WHERE id = 1').first, { 'name' => 'name 1' }
end

check :metadata do
  result = $db.query('SELECT * FROM types WHERE id = 1')
  out :metadata, result.fields, result.respond_to?(:field_types) ? result.field_types : nil
  $db.query("SELECT table_name AS t, column_name AS c, column_type AS y FROM information_schema.columns WHERE table_schema = '#{WHERE[:database]}' ORDER BY 1, ordinal_position").each { |r| out :metadata, r }
end
