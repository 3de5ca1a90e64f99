// What both directions share: invented events, and the rows of `events` in readers.mjs's form.
import { sqlite } from './check.mjs'

export const columns = ['ts', 'type', 'source', 'provider', 'event_type', 'verified', 'script_name', 'outcome',
  'method', 'url', 'status_code', 'duration_ms', 'payload']

// A sequence of numbers in [0, 1) that is the same everywhere (mulberry32).
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const words = ['ada', 'Zoë', 'naïve', '東京', 'Ωmega', '🏔️', 'a"b', "o'clock", 'tab\tnew\nline', '', '\\', 'ﷺ', '\u0001', '%41/?&=']

// n events between two times (ms), with NULLs, edges of every type, and a few payloads of 100 KB.
export function events(n, from, to, seed = 1) {
  const next = random(seed)
  const one = (list) => list[Math.floor(next() * list.length)]
  const maybe = (share, value) => (next() < share ? value() : null)
  return Array.from({ length: n }, (_, i) => {
    const ms = from + Math.floor(next() * (to - from))
    const payload = { id: `e${seed}-${i}`, user: one(words), n: i, nested: { list: [one(words), null, next()] } }
    if (i % 500 === 7) payload.long = one(words.filter(Boolean)).repeat(20000)
    return {
      ts: new Date(ms).toISOString().replace('T', ' ').replace('Z', ''),
      type: one(['rpc.call', 'rpc.error', 'collection.update', 'webhook', 'tail', 'ws.message']),
      source: maybe(0.8, () => one(words)),
      provider: maybe(0.3, () => one(['github', 'stripe', 'ünïcode'])),
      event_type: maybe(0.3, () => one(['push', 'invoice.paid', 'pull_request'])),
      verified: maybe(0.5, () => next() < 0.5),
      script_name: maybe(0.2, () => `worker-${Math.floor(next() * 40)}`),
      outcome: maybe(0.2, () => one(['ok', 'exception', 'canceled'])),
      method: maybe(0.6, () => one(['GET', 'POST', 'PUT', 'DELETE', 'getUser'])),
      url: maybe(0.6, () => `https://example.com/${one(words)}/${Math.floor(next() * 1000)}`),
      status_code: maybe(0.6, () => one([200, 201, 404, 500, 0, -1, 2147483647, -2147483648])),
      duration_ms: maybe(0.6, () => one([0, -0, 0.1, 12.5, 1 / 3, 1e300, 5e-324, next() * 1000])),
      payload: i % 97 === 0 ? null : JSON.stringify(payload),
    }
  })
}

// Rows of `events` as SQLite gives them. Doubles travel as their eight bytes: the shell prints 15 digits.
export function select(where = '', { open = '', ...options } = {}) {
  const list = columns.map((c) => (c === 'duration_ms' ? 'hex(ieee754_to_blob(duration_ms)) AS duration_ms, ' +
    'typeof(duration_ms) AS duration_type' : c))
  const out = sqlite(`${open}\n.mode json\nSELECT ${list.join(', ')} FROM events ${where};\n`, options)
  const start = out.search(/^\[\{/m) // after what `open` printed
  return start < 0 ? [] : JSON.parse(out.slice(start)).map(row => plain(row))
}

function plain({ duration_type: type, ...row }) {
  const bits = Buffer.from(row.duration_ms ?? '', 'hex')
  const double = type === 'null' ? null : bits.readDoubleBE(0)
  if (type !== 'null' && type !== 'real') throw new Error(`duration_ms is of type ${type}`)
  return {
    ...row,
    verified: row.verified === null ? null : row.verified === 1 ? true : row.verified === 0 ? false : row.verified,
    duration_ms: Object.is(double, -0) ? '-0' : double,
  }
}
