/** One figure beside its limit, and what it may be at most. Times in milliseconds, memory in MB (1,000,000 bytes). */
export interface Check {
  readonly row: string
  readonly what: string
  readonly unit: 'ms' | 'MB' | 'calls'
  /** The median of `samples`. */
  readonly ours: number
  /** What it stands beside, measured in the same run; absent where the target is a number of its own. */
  readonly against?: { readonly what: string; readonly value: number; readonly samples: readonly number[] }
  readonly target: Target
  readonly samples: readonly number[]
  /** How it was measured, in one line. */
  readonly note?: string
}

/** At most `ratio` times what it stands beside, and `plus` more; or at most `most`; or only told, without a verdict. */
export type Target =
  | { readonly kind: 'ratio'; readonly ratio: number; readonly plus?: number }
  | { readonly kind: 'most'; readonly most: number }
  | { readonly kind: 'told' }

export interface Verdict {
  readonly ratio?: number
  readonly met?: boolean
}

/** Whether a figure meets its target. */
export function judge({ ours, against, target }: Check): Verdict {
  const ratio = against === undefined ? {} : { ratio: ours / against.value }
  if (target.kind === 'told') return ratio
  if (target.kind === 'most') return { ...ratio, met: ours <= target.most }
  if (against === undefined) return {}
  return { ...ratio, met: ours <= against.value * target.ratio + (target.plus ?? 0) }
}

/** The checks as a table for a terminal. */
export function renderTable(checks: readonly Check[]): string {
  const head = ['row', 'what', 'ours', 'against', 'ratio', 'target', 'verdict']
  const lines = [head, ...checks.map(cells)]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cells(check: Check): readonly string[] {
  const { ratio, met } = judge(check)
  return [
    check.row,
    check.what,
    amount(check.ours, check.unit),
    check.against === undefined ? '' : `${amount(check.against.value, check.unit)} ${check.against.what}`,
    ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)} ×`,
    targetText(check.target, check.unit),
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ]
}

function targetText(target: Target, unit: Check['unit']): string {
  if (target.kind === 'told') return ''
  if (target.kind === 'most') return `≤ ${amount(target.most, unit)}`
  return `≤ ${target.ratio} ×${target.plus === undefined ? '' : ` + ${amount(target.plus, unit)}`}`
}

function amount(value: number, unit: Check['unit']): string {
  if (unit === 'calls') return String(value)
  return `${value.toFixed(unit === 'MB' || value < 100 ? 1 : 0)} ${unit}`
}
