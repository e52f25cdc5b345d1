// tap.js: what the Node programs share: where to connect, the printed lines, and the values of types.tsv.
const fs = require('fs');
const path = require('path');
const { isDeepStrictEqual, inspect } = require('util');

exports.where = {
  host: process.env.DB_HOST, port: Number(process.env.DB_PORT), user: process.env.DB_USER,
  password: process.env.DB_PASSWORD, database: process.env.DB_NAME,
};
exports.kind = process.env.DB_KIND;

// version prints the version of a package that is installed. Not all export their package.json.
exports.version = (name) => {
  const dir = process.env.NODE_PATH.split(':').find((d) => fs.existsSync(path.join(d, name)));
  console.log('version', name, JSON.parse(fs.readFileSync(path.join(dir, name, 'package.json'))).version);
};

// run tries the features one after the other and ends the program.
exports.run = async (features) => {
  for (const [name, f] of Object.entries(features)) {
    try {
      await f();
      console.log('ok', name);
    } catch (e) {
      console.log(`not ok ${name}: ${e.name} ${String(e.message || e).split(/\s+/).join(' ').slice(0, 400)}`);
      if (process.env.TRACE) console.error(e);
    }
    if (process.env.STOP_AFTER === name) break;
  }
  process.exit(0);
};

// out prints what must be the same on both sides.
exports.out = (feature, ...values) =>
  console.log('out', feature, ...values.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))));

exports.same = (what, got, want) => {
  if (!isDeepStrictEqual(got, want)) throw new Error(`${what} is ${inspect(got)}, not ${inspect(want)}`);
};

// raises checks the server's error code of a failure.
exports.raises = async (code, f) => {
  try {
    await f();
  } catch (e) {
    exports.same(`the code of ${e.message}`, (e.cause || e.original || e).errno ?? e.errno, code);
    return e;
  }
  throw new Error(`no error ${code}`);
};

const values = {
  int: String, year: String, bit: Number, decimal: String, float: Number, date: String, time: String, datetime: String, text: String,
  bytes: (s) => Buffer.from(s, 'hex'), json: JSON.parse,
};

// columns are the { name, kind, rows: [first row's value, second row's, null] } of types.tsv.
exports.columns = fs.readFileSync(path.join(__dirname, '..', 'types.tsv'), 'utf8').trimEnd().split('\n').map((line) => {
  const [name, kind, one, two] = line.split('\t');
  return { name, kind, rows: [values[kind](one), values[kind](two), null] };
});

// read is a value that a driver gave, in the form of columns.
exports.read = (kind, v) => {
  if (v === null) return v;
  switch (kind) {
    case 'int': case 'year': case 'decimal': return String(v);
    case 'bit': return Buffer.isBuffer(v) ? [...v].reduce((n, b) => n * 256 + b, 0) : Number(v);
    case 'json': return typeof v === 'string' ? JSON.parse(v) : v;
    case 'datetime': return v.replace(/\.0+$/, '');
    case 'time': return v.replace(/\.0+$/, '');
    default: return Array.isArray(v) ? v.join(',') : v; // a SET
  }
};
