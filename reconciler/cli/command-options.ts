import { InvalidArgumentError, Option, type Command } from 'commander'

/** Adds the options that every command which reads the source knows. */
export function withSourceOptions(command: Command): Command {
  return command
    .option(
      '--source <dir|url>',
      'a directory, a local Git repository, or a Git URL (default: the configuration, or .)',
    )
    .option('--branch <branch>', 'the branch (default: the one HEAD names)')
    .option('--path <path>', 'the folder inside the source that holds the manifests')
    .option('--config <file>', 'the configuration file')
    .option('--data <dir>', 'the folder for everything the reconciler keeps (default: var)')
}

export function withApplyOptions(command: Command): Command {
  return withSourceOptions(command)
    .option('--listen <host:port>', 'where the doors listen (default: 127.0.0.1:3000)')
    .addOption(
      new Option(
        '--allow-deletions [plan]',
        'allow the plan with this id, or any, to delete more than policy allows',
      ).argParser(planId),
    )
}

export function outputOption(choices: readonly string[]): Option {
  return new Option('--output <form>', 'how to print it').choices(choices).default('text')
}

function planId(text: string): string {
  if (/^[0-9a-f]{8,64}$/.test(text)) return text
  throw new InvalidArgumentError('give at least the first 8 digits of the plan id, or no value')
}
