// Decodes the binary form of VARIANT (metadata, then value) to what JSON can hold, for comparing.
//
// Integers are BigInts, decimals { decimal: text }, times { time: text }, bytes Buffers; the rest as in
// JSON. Source of the format: VariantEncoding.md of apache/parquet-format.
const DAY = 86400000000000n

function uint(b, at, n) {
  let v = 0
  for (let i = n - 1; i >= 0; i--) v = v * 256 + b[at + i]
  return v
}

function integer(b, at, n) {
  let v = 0n
  for (let i = n - 1; i >= 0; i--) v = (v << 8n) | BigInt(b[at + i])
  return BigInt.asIntN(n * 8, v)
}

function decimal(unscaled, scale) {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const cut = digits.length - scale
  return { decimal: `${unscaled < 0n ? '-' : ''}${digits.slice(0, cut)}${scale ? `.${digits.slice(cut)}` : ''}` }
}

const floor = (a, b) => a / b - (a % b < 0n ? 1n : 0n)
const clock = (ns) => new Date(Number(ns / 1000000000n) * 1000).toISOString().slice(11, 19) +
  `.${String(ns % 1000000000n).padStart(9, '0')}`
const date = (days) => new Date(Number(days) * 86400000).toISOString().slice(0, 10)
const moment = (ns) => ({ time: `${date(floor(ns, DAY))} ${clock(ns - floor(ns, DAY) * DAY)}` })

function uuid(b) {
  const h = b.toString('hex')
  return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-')
}

function strings(b) { // the metadata's dictionary, and where the value begins
  const size = (b[0] >> 6) + 1
  const n = uint(b, 1, size)
  const offset = (i) => uint(b, 1 + size + i * size, size)
  const from = 1 + size * (n + 2)
  return { names: Array.from({ length: n }, (_, i) => b.toString('utf8', from + offset(i), from + offset(i + 1))), end: from + offset(n) }
}

function primitive(b, at, type) {
  const bytes = (n) => b.subarray(at + n, at + n + uint(b, at, n))
  switch (type) {
    case 0: return null
    case 1: return true
    case 2: return false
    case 3: case 4: case 5: case 6: return integer(b, at, 1 << (type - 3))
    case 7: return b.readDoubleLE(at)
    case 8: case 9: case 10: return decimal(integer(b, at + 1, 4 << (type - 8)), b[at])
    case 11: return { time: date(integer(b, at, 4)) }
    case 12: case 13: return moment(integer(b, at, 8) * 1000n)
    case 14: return b.readFloatLE(at)
    case 15: return bytes(4)
    case 16: return bytes(4).toString('utf8')
    case 17: return { time: clock(integer(b, at, 8) * 1000n) }
    case 18: case 19: return moment(integer(b, at, 8))
    case 20: return uuid(b.subarray(at, at + 16))
    default: throw new Error(`variant primitive ${type}`)
  }
}

function value(b, at, names) {
  const kind = b[at] & 3, head = b[at] >> 2
  if (kind === 0) return primitive(b, at + 1, head)
  if (kind === 1) return b.toString('utf8', at + 1, at + 1 + head)
  const large = kind === 2 ? head >> 4 & 1 : head >> 2 & 1
  const width = (head & 3) + 1, idWidth = kind === 2 ? (head >> 2 & 3) + 1 : 0
  const n = uint(b, at + 1, large ? 4 : 1)
  const ids = at + 1 + (large ? 4 : 1), offsets = ids + n * idWidth
  const from = offsets + (n + 1) * width
  const member = (i) => value(b, from + uint(b, offsets + i * width, width), names)
  if (kind === 3) return Array.from({ length: n }, (_, i) => member(i))
  return Object.fromEntries(Array.from({ length: n }, (_, i) => [names[uint(b, ids + i * idWidth, idWidth)], member(i)]))
}

export function decodeVariant(bytes) {
  const { names, end } = strings(bytes)
  return value(bytes, end, names)
}
