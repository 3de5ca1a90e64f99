// The specification's example queries, over one lake: Tarn answers them in sqlite3, DuckDB on the
// files. The 13 columns have no `do`, durationMs or success: the oracle takes them from the payload.
import { writeFileSync } from 'node:fs'
import { example, oracle, sameAnswer, tarn } from './answers.mjs'
import { check } from './check.mjs'

const out = `${process.cwd()}/spec`
const db = `${out}/spec_queries.db`
const lake = `${db}-lake`
const events = `read_parquet('${lake}/events/**/*.parquet', filename = true, hive_partitioning = false)`

await check('the example runs, and every event is in a file', async () => {
  example('spec_queries', out)
  sameAnswer(await oracle(`SELECT count(*)::INT FROM ${events}`), [[20000]])
  sameAnswer(tarn(db, 'SELECT count(*) FROM events'), [[20000]])
})

// [what, Tarn's SQL, DuckDB's SQL, rows at least]
const queries = [
  ['basic query: newest 100 of a type, all 13 columns',
    `SELECT ts, type, source, provider, event_type, verified, script_name, outcome, method, url,
            status_code, duration_ms, payload
     FROM events WHERE type = 'rpc.call' ORDER BY ts DESC LIMIT 100`,
    `SELECT * EXCLUDE (filename) FROM ${events} WHERE type = 'rpc.call' ORDER BY ts DESC LIMIT 100`,
    100],
  ['SELECT * has the 13 columns, in order',
    "SELECT * FROM events WHERE type = 'webhook.github' ORDER BY ts",
    `SELECT * EXCLUDE (filename) FROM ${events} WHERE type = 'webhook.github' ORDER BY ts`, 1000],
  ['filename',
    `SELECT ts, substr(filename, -length('2026/02/02/14/01KGF0000000000000000000.parquet'))
     FROM events WHERE type = 'ws.message' ORDER BY ts`,
    `SELECT ts, right(filename, length('2026/02/02/14/01KGF0000000000000000000.parquet'))
     FROM ${events} WHERE type = 'ws.message' ORDER BY ts`, 1000],
  ['recent events: one hour by its folder',
    `SELECT type, COUNT(*) AS count FROM events('events/2026/02/02/14/*')
     GROUP BY type ORDER BY count DESC, type`,
    `SELECT type, COUNT(*) AS count FROM read_parquet('${lake}/events/2026/02/02/14/*.parquet')
     GROUP BY type ORDER BY count DESC, type`, 6],
  ['recent events: one hour by its time',
    `SELECT type, COUNT(*) AS count FROM events
     WHERE ts >= '2026-02-02 14:00' AND ts < '2026-02-02T15:00:00Z'
     GROUP BY type ORDER BY count DESC, type`,
    `SELECT type, COUNT(*) AS count FROM ${events}
     WHERE ts >= '2026-02-02 14:00:00Z'::TIMESTAMPTZ AND ts < '2026-02-02 15:00:00Z'::TIMESTAMPTZ
     GROUP BY type ORDER BY count DESC, type`, 6],
  ['query by event type: all RPC calls with latency',
    `SELECT ts, "do".class AS do_class, method, durationMs, success
     FROM events('events/2026/02/**/*.parquet') AS "do"
     WHERE type = 'rpc.call' ORDER BY ts DESC LIMIT 1000`,
    `SELECT ts, payload ->> '$.do.class', method, CAST(payload ->> '$.durationMs' AS DOUBLE),
            CAST(payload ->> '$.success' AS BOOLEAN)
     FROM ${events} WHERE type = 'rpc.call' ORDER BY ts DESC LIMIT 1000`, 1000],
  ['latency analytics: percentiles by method',
    `SELECT "do".class, method, COUNT(*) AS call_count, AVG(durationMs) AS avg_ms,
            PERCENTILE_CONT(durationMs, 0.5) AS p50_ms, PERCENTILE_CONT(durationMs, 0.95) AS p95_ms,
            PERCENTILE_CONT(durationMs, 0.99) AS p99_ms, MAX(durationMs) AS max_ms
     FROM events AS "do" WHERE type = 'rpc.call'
     GROUP BY "do".class, method ORDER BY call_count DESC, "do".class, method`,
    `SELECT payload ->> '$.do.class' AS class, method, COUNT(*) AS call_count, AVG(duration_ms),
            PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY duration_ms),
            PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration_ms),
            PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration_ms), MAX(duration_ms)
     FROM ${events} WHERE type = 'rpc.call'
     GROUP BY class, method ORDER BY call_count DESC, class, method`, 16],
  ['error analysis: failed requests by endpoint',
    `SELECT url, status_code, COUNT(*) AS error_count FROM events WHERE status_code >= 400
     GROUP BY url, status_code ORDER BY error_count DESC, url, status_code LIMIT 20`,
    `SELECT url, status_code, COUNT(*) AS error_count FROM ${events} WHERE status_code >= 400
     GROUP BY url, status_code ORDER BY error_count DESC, url, status_code LIMIT 20`, 20],
  ['daily event volume',
    `SELECT substr(DATE_TRUNC('day', ts), 1, 10) AS day, type, COUNT(*) AS event_count
     FROM events GROUP BY day, type ORDER BY day DESC, event_count DESC, type`,
    `SELECT strftime(DATE_TRUNC('day', ts), '%Y-%m-%d') AS day, type, COUNT(*) AS event_count
     FROM ${events} GROUP BY day, type ORDER BY day DESC, event_count DESC, type`, 12],
]

for (const [what, ours, theirs, least] of queries) {
  await check(what, async () => sameAnswer(tarn(db, ours), await oracle(theirs), least))
}

await check('multi-format: an old JSONL file is part of events', async () => {
  const folder = `${lake}/events/2026/02/02/14`
  const lines = [0, 1, 2].map((i) => JSON.stringify({
    ts: `2026-02-02T14:30:0${i}.500Z`, type: 'rpc.call', method: 'old', status_code: 200 + i,
    durationMs: 1.5 * i }))
  writeFileSync(`${folder}/6f1e1c9e-6f0b-4d5e-9a3c-0c3d1b6f2a10.jsonl`, `${lines.join('\n')}\n`)
  sameAnswer(tarn(db, `SELECT ts, type, method, status_code, duration_ms FROM events
                 WHERE ts >= '2026-02-02 14:00:00' AND ts < '2026-02-02 15:00:00' ORDER BY ts`),
    await oracle(`SELECT ts, type, method, status_code, duration_ms
                  FROM read_parquet('${folder}/*.parquet')
                  UNION ALL
                  SELECT CAST(ts AS TIMESTAMPTZ), type, method,
                         CAST(status_code AS INTEGER), durationMs
                  FROM read_json('${folder}/*.jsonl', columns = {ts: 'VARCHAR', type: 'VARCHAR',
                    method: 'VARCHAR', status_code: 'BIGINT', durationMs: 'DOUBLE'})
                  ORDER BY ts`), 400)
})
