# activerecord.rb text|prepared: ActiveRecord over mysql2: migrations, models, transactions, the schema's dump.
require 'active_record'
require 'stringio'
require_relative 'tap'

ActiveRecord::Base.establish_connection(WHERE.merge(adapter: 'mysql2', encoding: 'utf8mb4', prepared_statements: ARGV[0] == 'prepared', pool: 2))
ActiveRecord::Migration.verbose = false
ActiveSupport::Deprecation.silenced = true

class Author < ActiveRecord::Base
  has_many :books, dependent: :destroy
  attribute :meta, :json # MariaDB's is a text column
  validates :name, presence: true
end
class Book < ActiveRecord::Base
  belongs_to :author, counter_cache: false
end
class Account < ActiveRecord::Base; end
class Everything < ActiveRecord::Base
  self.table_name = 'types'
end
class Number < ActiveRecord::Base
  self.table_name = 'bulk.numbers'
  self.primary_key = 'n'
end

class Books < ActiveRecord::Migration[6.1]
  def change
    create_table(:authors) { |t| t.string :name, limit: 50, null: false, index: { unique: true }; t.json :meta; t.timestamps }
    create_table(:books) { |t| t.references :author, foreign_key: true; t.string :title; t.datetime :published, precision: 6 }
    add_column :books, :stars, :integer, default: 3, null: false
    add_index :books, %i[title stars]
    rename_column :books, :stars, :points
  end
end

def sql(text)
  ActiveRecord::Base.connection.select_all(text).to_a
end

check :connect do
  puts "version ActiveRecord #{ActiveRecord.version}"
  same 'SELECT 1', sql('SELECT 1 AS one'), [{ 'one' => 1 }]
  c = ActiveRecord::Base.connection
  out :connect, c.database_version.to_s, c.mariadb?, c.current_database, c.charset, c.collation, c.supports_savepoints?
end

check :migrate do
  Books.migrate(:up)
  Books.migrate(:down)
  Books.migrate(:up)
  ActiveRecord::Base.connection.change_column :books, :title, :string, limit: 120
  same 'tables', ActiveRecord::Base.connection.tables.sort, %w[accounts authors books plain types]
end

check :autoincrement do
  ann = Author.create!(name: 'Ünal 😀', meta: { 'a' => [1, nil] })
  same 'the id', ann.id, 1
  ann.books.create!([{ title: 'one' }, { title: 'two' }])
  found = Author.includes(:books).find_by!(name: 'Ünal 😀')
  same 'books', [found.meta, found.books.map(&:title)], [{ 'a' => [1, nil] }, %w[one two]]
  same 'joined', Book.joins(:author).where(authors: { name: 'Ünal 😀' }).order(:id).pluck(:title, :points), [['one', 3], ['two', 3]]
  same 'grouped', Book.group(:author_id).count, { 1 => 2 }
  Author.insert_all([{ name: 'b', created_at: Time.now, updated_at: Time.now }, { name: 'b', created_at: Time.now, updated_at: Time.now }])
  same 'found or created', [Author.find_or_create_by!(name: 'b').name, Author.count], ['b', 2]
end

check :types do
  3.times do |i|
    row = COLUMNS.to_h { |name, kind, rows| [name, kind == 'bit' && rows[i] ? [rows[i]].pack('n') : rows[i]] }
    row['c_json'] = JSON.generate(row['c_json']) if row['c_json'] && ENV['DB_KIND'] == 'mariadb' # a text column there
    Everything.create!(row.merge(id: i + 1))
    got = Everything.find(i + 1)
    COLUMNS.each { |name, kind, rows| same(name, read(kind, got[name]), rows[i]) }
  end
  same 'all in order', Everything.order(:id).pluck(:id, :c_ubig), [[1, 2**64 - 1], [2, 0], [3, nil]]
end

check :crud do
  (1..6).each { |i| Account.create!(id: i, name: "name #{i % 3}", balance: i) }
  a = Account.find(3)
  a.increment!(:balance)
  a.update!(name: 'changed')
  same 'updated', Account.where(id: 3).update_all(balance: 30), 1
  same 'deleted', Account.find(6).destroy.destroyed?, true
  same 'page', Account.order(:name, id: :desc).offset(1).limit(2).pluck(:id), [4, 1]
  same 'filtered', Account.where(id: [1, 2, 9]).or(Account.where(name: 'changed')).order(:id).pluck(:id), [1, 2, 3]
  same 'exists', [Account.exists?(2), Account.exists?(99)], [true, false]
end

check :transactions do
  Account.transaction do
    Account.find(4).update!(balance: 0)
    raise ActiveRecord::Rollback
  end
  same 'after the rollback', Account.find(4).balance, 4
  Account.transaction(isolation: :read_committed) { Account.lock.find(4).update!(balance: 44) }
  same 'after the commit', Account.find(4).balance, 44
end

check :savepoints do
  Author.transaction do
    Author.create!(name: 'outer')
    Author.transaction(requires_new: true) do
      Author.create!(name: 'inner')
      raise ActiveRecord::Rollback
    end
  end
  same 'authors', Author.where(name: %w[outer inner]).pluck(:name), ['outer']
end

check :stream do
  count = total = 0
  Number.find_each(batch_size: 5000) { |r| count, total = count + 1, total + r.n }
  same 'rows and their sum', [count, total], [20_000, 200_010_000]
end

check :errors do
  raises(ActiveRecord::RecordNotUnique, 1062) { Account.create!(id: 1, name: 'again') }
  raises(ActiveRecord::StatementInvalid, 1064) { sql('SELEC 1') }
  raises(ActiveRecord::StatementInvalid, 1146) { sql('SELECT * FROM nosuch') }
end

check :reconnect do
  id = sql('SELECT CONNECTION_ID() AS id')[0]['id']
  Thread.new { ActiveRecord::Base.connection_pool.with_connection { |c| c.execute("KILL #{id}") } }.join
  sleep 0.1
  ActiveRecord::Base.connection.verify! # what a checkout does
  same 'after the reconnect', Account.find(1).name, 'name 1'
end

check :metadata do
  dump = StringIO.new
  ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, dump)
  dump.string.each_line(chomp: true) { |line| out :metadata, line unless line.strip.empty? }
end
