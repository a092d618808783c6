import type { ControllerDeps } from './controller.ts'
import type { Executor, ExecutorEvent } from '../apply/executor.ts'

type Hearers = Pick<ControllerDeps, 'board' | 'queue' | 'log' | 'clock' | 'metrics'>

/** What the executor tells goes to the board, the log, the metrics and the loop. */
export function onExecutorEvent(deps: Hearers, executor: Executor): (event: ExecutorEvent) => void {
  return (event) => {
    const { stage, task, error } = event
    const { kind, target } = task.action
    logEvent(event, deps)
    if (stage === 'ready' || stage === 'failed')
      deps.metrics.acted(kind, stage === 'ready' ? 'applied' : 'failed')
    deps.board.emit({
      type: 'action',
      instance: target.name,
      action: kind,
      stage: stage === 'aborted' ? 'superseded' : stage,
      at: deps.clock.now().toISOString(),
      ...(error === undefined ? {} : { message: error.message }),
    })
    deps.board.refresh(executor, [target.name])
    if (leavesSomething(event, executor)) deps.queue.wake('settled')
  }
}

/** What failed is tried again in its own time, however long the others take; so is what had to wait for this. */
function leavesSomething({ stage, task }: ExecutorEvent, executor: Executor): boolean {
  if (stage === 'ready') return executor.idle || executor.isWaitedFor(task.action.target.name)
  return stage === 'aborted' || stage === 'failed'
}

function logEvent({ stage, task, error }: ExecutorEvent, { log }: Hearers): void {
  const fields = { instance: task.action.target.name, action: task.action.kind, revision: task.revision }
  if (stage === 'failed') log.warn({ ...fields, reason: error?.message }, 'action failed')
  else log.info(fields, stage === 'ready' ? 'action done' : `action ${stage}`)
}
