# tap.rb: what the Ruby programs share: where to connect, the printed lines, and the values of types.tsv.
require 'bigdecimal'
require 'json'
require 'time'

$stdout.sync = true
WHERE = { host: ENV['DB_HOST'], port: ENV['DB_PORT'].to_i, username: ENV['DB_USER'], password: ENV['DB_PASSWORD'], database: ENV['DB_NAME'] }.freeze

# Runs the block and prints whether it worked.
def check(feature)
  yield
  puts "ok #{feature}"
rescue StandardError => e
  puts "not ok #{feature}: #{e.class} #{e.message.split.join(' ')[0, 400]}"
  warn e.backtrace if ENV['TRACE']
ensure
  exit! 0 if ENV['STOP_AFTER'] == feature.to_s
end

# Prints what must be the same on both sides.
def out(feature, *values)
  puts "out #{feature} #{values.map { |v| v.is_a?(String) ? v : v.inspect }.join(' ')}"
end

def same(what, got, want)
  raise "#{what} is #{got.inspect}, not #{want.inspect}" unless got == want
end

# Checks that the block fails with an exception of kind and the server's error code.
def raises(kind, code)
  yield
rescue kind => e
  same("the code of #{e.message}", (e.respond_to?(:error_number) ? e : e.cause).error_number, code)
else
  raise "no error #{code}"
end

def value(kind, text)
  case kind
  when 'int', 'year', 'bit' then text.to_i
  when 'decimal' then BigDecimal(text)
  when 'float' then text.to_f
  when 'date' then Date.parse(text)
  when 'datetime', 'time' then text
  when 'bytes' then [text].pack('H*')
  when 'json' then JSON.parse(text)
  else text
  end
end

# The [name, kind, [first row's value, second row's, nil]] of types.tsv.
COLUMNS = File.readlines(File.join(__dir__, '..', 'types.tsv'), chomp: true, encoding: 'UTF-8').map do |line|
  name, kind, one, two = line.split("\t", -1)
  [name, kind, [value(kind, one), value(kind, two), nil]]
end

# A value that a driver gave, in the form of COLUMNS.
def read(kind, v)
  return v if v.nil?

  case kind
  when 'bit' then v.is_a?(String) ? v.bytes.inject(0) { |n, b| n * 256 + b } : v
  when 'int' then { true => 1, false => 0 }.fetch(v, v)
  when 'json' then v.is_a?(String) ? JSON.parse(v.dup.force_encoding('UTF-8')) : v
  when 'datetime' then v.strftime('%Y-%m-%d %H:%M:%S.%6N').sub(/\.0+$/, '')
  when 'time' then v.strftime('%H:%M:%S.%6N').sub(/\.0+$/, '')
  else v
  end
end
