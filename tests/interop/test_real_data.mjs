// Five real inputs, loaded by the scripts of examples/real: every line is accounted for, and the
// files hold what the input says, as DuckDB reads them. The expectation is computed here, from the
// input, by other means than SQL. Without the inputs: skipped.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { example, oracle, realData, tarn } from './answers.mjs'
import { check, sameRows } from './check.mjs'

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const time = (text) => new Date(text).toISOString().replace('T', ' ').replace('Z', '')
const combined = new RegExp('^(\\S+) \\S+ \\S+ \\[(\\d+)/(\\w+)/(\\d+):([\\d:]+) \\+0000\\] ' +
  '"(\\S+) (\\S+) [^"]*" (\\d{3}) (\\S+) "([^"]*)" "([^"]*)"$')

// `row` turns a line into [ts, type, url, status_code, payload], or null if it is to be left out.
const inputs = [
  { name: 'wikipedia', file: 'wikiticker/wikiticker-2015-09-12-sampled.json.gz',
    says: 'lines read: 39244, events stored: 39244',
    row: (line) => {
      const e = JSON.parse(line)
      return [time(e.time), e.isNew ? 'wiki.create' : 'wiki.edit',
        `https://${e.channel.slice(1)}.org/wiki/${e.page.replaceAll(' ', '_')}`, null, line]
    } },
  { name: 'github_events', file: 'github_events/pinot_2021-07-21-few-hours.jsonl',
    says: 'not JSON: 0, events stored: 800',
    row: (line) => {
      const e = JSON.parse(line)
      return [time(e.created_at), `github.${e.type.replaceAll('Event', '').toLowerCase()}`,
        e.repo.url, null, line]
    } },
  { name: 'github_webhooks', file: 'github_webhooks/webhooks.jsonl', prefix: 'webhooks',
    says: 'lines read: 329, events stored: 329, event names: 58',
    row: (line, n) => {
      const e = JSON.parse(line)
      return [time(Date.UTC(2026, 1, 2, 12, 0, n)), 'webhook.github',
        e.payload.repository?.html_url ?? null, null, JSON.stringify(e.payload)]
    } },
  { name: 'access_log', file: 'apache/apache_logs.log',
    says: 'lines read: 10000, malformed: 1, events stored: 9999',
    also: 'malformed, line 8899: 46.118.127.106 - - [20/May/2015:12:05:17 +0000]',
    row: (line) => {
      const m = combined.exec(line)
      if (!m) return null
      const dash = (text) => text === '-' ? null : text
      const month = String(months.indexOf(m[3]) + 1).padStart(2, '0')
      return [`${m[4]}-${month}-${m[2]} ${m[5]}.000`, 'http.request', m[7], Number(m[8]),
        JSON.stringify({ ip: m[1], bytes: m[9] === '-' ? null : Number(m[9]),
          referrer: dash(m[10]), agent: m[11] })]
    } },
  { name: 'cloudevents', file: 'cloudevents/cloudevents_spec_examples.jsonl',
    says: 'lines read: 31, of them without a time: 21, events stored: 31',
    row: (line) => {
      const e = JSON.parse(line)
      return [time(e.time ?? '2026-02-02T00:00:00Z'), e.type, null, null, line]
    } },
]

function expected(input, path) {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line, i) => line === '' ? null : input.row(line, i + 1)).filter(Boolean)
}

// Payloads that SQLite wrote anew may be escaped differently; as JSON values they must be equal.
function comparable(rows, rewritten) {
  return rewritten ? rows.map((r) => [...r.slice(0, -1), JSON.parse(r.at(-1))]) : rows
}

const data = realData()
for (const input of inputs) {
  const path = `${data}/${input.file}`
  if (!data || !existsSync(path)) {
    console.log(`skip ${input.name}: its input ${input.file} is not here; TARN_REAL_DATA names the folder`)
    continue
  }
  const out = `${process.cwd()}/${input.name}`
  const db = `${out}/${input.name}.db`
  const prefix = input.prefix ?? 'events'
  const rewritten = input.name === 'github_webhooks' || input.name === 'access_log'
  const columns = 'ts, type, url, status_code, payload'

  const expectation = comparable(expected(input, path), rewritten)

  await check(`${input.name}: lines in, events out`, () => {
    const printed = example(input.name, out, data)
    for (const text of [input.says, input.also ?? '']) {
      assert(printed.includes(text), `did not print '${text}' but:\n${printed.slice(0, 1000)}`)
    }
  })
  await check(`${input.name}: the files hold every value of the input`, async () => {
    const rows = await oracle(`SELECT ${columns} FROM read_parquet('${db}-lake/${prefix}/**/*.parquet')`)
    sameRows(comparable(rows, rewritten), expectation)
  })
  await check(`${input.name}: Tarn reads every value back`, () => {
    const rows = tarn(db, `SELECT ${columns} FROM events WHERE prefix = '${prefix}'`)
    sameRows(comparable(rows, rewritten), expectation)
  })
}
